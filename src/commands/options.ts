/** The options of the commands, as cli.ts reads them from the command line. */
import type { LookupQuery } from "../istio/lookup/query.ts";

import type { FailOn } from "../report/finding.ts";
import type { Language } from "../report/page/words.ts";

export const CHECK_FORMATS = ["text", "json", "sarif", "junit", "github"] as const;
type CheckFormat = (typeof CHECK_FORMATS)[number];

export interface CheckOptions {
  readonly namespace: string;
  readonly meshState: readonly string[];
  readonly config?: string;
  /** `istio=1.10,kubernetes=1.22`, each. */
  readonly assume: readonly string[];
  readonly format: CheckFormat;
  readonly output?: string;
  readonly failOn: FailOn;
  readonly rule: readonly string[];
  readonly skip: readonly string[];
  readonly audit?: boolean;
  readonly fix?: boolean;
  readonly dryRun?: boolean;
  /** A file; at most one of the two. */
  readonly baseline?: string;
  readonly writeBaseline?: string;
}

/** Of `explain RULE-ID`. */
export interface ExplainOptions {
  readonly lang: Language;
  readonly meshState: readonly string[];
  readonly kubeconfig?: string;
  readonly meshKubeconfig?: string;
  readonly config?: string;
  readonly assume: readonly string[];
}

export const TEXT_OR_JSON = ["text", "json"] as const;

/** Either client and host, or --all, or --queries. */
export interface LookupOptions {
  /** `NAMESPACE,label=value` */
  readonly client?: string;
  readonly host?: string;
  readonly proxy?: LookupQuery["proxy"];
  readonly all?: boolean;
  /** A file, or `-`. */
  readonly queries?: string;
  readonly meshState: readonly string[];
  readonly kubeconfig?: string;
  readonly meshKubeconfig?: string;
  readonly config?: string;
  readonly assume: readonly string[];
  readonly format: (typeof TEXT_OR_JSON)[number];
}

export const DRAIN_FORMATS = ["text", "svg", "json"] as const;

/** Of `explain drain` and `explain probes`. */
export interface ExplainPodOptions {
  readonly namespace: string;
  readonly meshState: readonly string[];
  readonly kubeconfig?: string;
  readonly meshKubeconfig?: string;
  readonly config?: string;
  readonly assume: readonly string[];
  readonly format: (typeof DRAIN_FORMATS)[number];
}

export interface ImpactOptions {
  /** The manifests are deleted, not applied. */
  readonly delete?: boolean;
  /** Of objects that name none. */
  readonly namespace: string;
  readonly meshState: readonly string[];
  readonly kubeconfig?: string;
  readonly meshKubeconfig?: string;
  readonly config?: string;
  readonly assume: readonly string[];
  readonly format: (typeof TEXT_OR_JSON)[number];
}

export interface GatewaysOptions {
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly meshState: readonly string[];
  readonly kubeconfig?: string;
  readonly meshKubeconfig?: string;
  readonly format: (typeof TEXT_OR_JSON)[number];
}

/** Where foresail's certificate comes from in a cluster. */
export const CERTIFICATE_MODES = ["managed", "cert-manager", "files", "openshift"] as const;
export type CertificateMode = (typeof CERTIFICATE_MODES)[number];
export const FAILURE_POLICIES = ["Ignore", "Fail"] as const;

export interface ManifestsOptions {
  readonly namespace: string;
  readonly image?: string;
  readonly replicas?: string;
  readonly failurePolicy?: (typeof FAILURE_POLICIES)[number];
  readonly certs: CertificateMode;
}

export interface NamespaceOptions {
  readonly meshState: readonly string[];
  readonly kubeconfig?: string;
  readonly finalize?: boolean;
  /** Do it, not only show it. */
  readonly yes?: boolean;
}

export interface CertsOptions {
  readonly kubeconfig?: string;
  readonly namespace?: string;
}

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];
