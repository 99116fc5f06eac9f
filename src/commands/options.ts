/** The options of the commands, as cli.ts reads them from the command line. */

import type { FailOn } from "../report/finding.ts";

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

export interface CertsOptions {
  readonly kubeconfig?: string;
  readonly namespace?: string;
}
