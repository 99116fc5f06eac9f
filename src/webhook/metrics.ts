/** What foresail counts, under the names that dashboards and alerts use. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { Outcome } from "../engine/verdict.ts";
import type { Kind } from "../kubernetes/objects.ts";
import type { AdmissionRequest, Endpoint } from "./admission-review.ts";
import { appliedFixes } from "./response.ts";
import type { Decision, Obstacle } from "./response.ts";

/** What the state of the cluster says of itself. */
export interface CacheFacts {
  readonly kind: Kind;
  readonly isSynced: boolean;
  readonly objects: number;
  /** Since it was last known to be up to date. */
  readonly ageSeconds: number;
  /** How often everything had to be read anew. */
  readonly relists: number;
}

/** Asked when someone reads the metrics. Times in milliseconds since 1970. */
export interface MetricSources {
  readonly version: string;
  readonly configuration: () => {
    readonly isValid: boolean;
    readonly lastSuccess: number;
    /** Parts that are ignored, such as rules that this version does not know. */
    readonly warnings: number;
  };
  readonly caches: () => Iterable<CacheFacts>;
  /** The API servers that are asked. */
  readonly planes: () => Iterable<{ readonly plane: string; readonly isReachable: boolean }>;
  /** By what the certificate is for: `serving`. */
  readonly certificates: () => Iterable<{ readonly type: string; readonly notAfter: number }>;
  /** How often each caBundle was written, by the kind of its configuration. */
  readonly bundleWrites: () => Iterable<readonly [configuration: string, count: number]>;
}

/** Why a request got no AdmissionReview for an answer. */
export type RejectionReason =
  | "aborted"
  | "empty"
  | "http"
  | "internal"
  | "json"
  | "mediaType"
  | "method"
  | "oversize"
  | "path"
  | "timeout"
  | "tls"
  | "uid";

export interface Metrics {
  readonly contentType: string;
  /** In Prometheus' text format. */
  format(): Promise<string>;
  countReview(
    endpoint: Endpoint,
    request: Pick<AdmissionRequest, "kind" | "operation">,
    decision: Decision,
    seconds: number,
  ): void;
  /** Findings and fixes; left out for a dry run. */
  countOutcome(outcome: Outcome): void;
  countFailures(failures: Outcome["failures"]): void;
  countObstacle(obstacle: Obstacle): void;
  /** A refusal that became a warning. */
  countUnconfirmed(): void;
  countRejection(reason: RejectionReason): void;
  countShed(): void;
}

/** The API server's own for webhooks, and finer ones below: most decisions take less than a millisecond. */
const DURATION_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];

/**
 * Reviews with the same labels since they were last handed over to the metrics, which takes longer for each review than all
 * else that is done for one without a finding.
 */
interface ReviewTally {
  readonly labels: {
    readonly endpoint: Endpoint;
    readonly operation: AdmissionRequest["operation"];
    readonly kind: string;
    readonly decision: Decision;
  };
  readonly seconds: number[];
}
const MAX_TALLIED = 1000;

/** `kinds` are those of the rules: all others are counted as `other`. */
export function createMetrics(sources: MetricSources, kinds: ReadonlySet<Kind>): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  registerGauges(sources, registry);

  const requests = new Counter({
    name: "foresail_admission_requests_total",
    help: "Reviews that were answered",
    labelNames: ["endpoint", "operation", "kind", "decision"],
    registers,
  });
  const durations = new Histogram({
    name: "foresail_admission_duration_seconds",
    help: "From the first byte of a review to its answer",
    labelNames: ["endpoint"],
    buckets: DURATION_BUCKETS,
    registers,
  });
  const counter = <const Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers });
  const findings = counter("foresail_findings_total", "Findings, without dry runs", "rule", "action");
  const fixes = counter(
    "foresail_fixes_total",
    "Reviews that a rule's fix repaired, without dry runs",
    "rule",
  );
  const failed = counter("foresail_rule_errors_total", "Reviews that a rule could not check: a bug", "rule");
  const rejected = counter(
    "foresail_rejected_requests_total",
    "Requests that are no review and got a 4xx answer, or none",
    "reason",
  );
  const oversize = counter("foresail_oversize_total", "Reviews too large to be checked");
  const expired = counter("foresail_deadline_exceeded_total", "Reviews that could not be checked in time");
  const unconfirmed = counter(
    "foresail_unconfirmed_total",
    "Reviews not refused because the API server could not confirm what the refusal rests on",
  );
  const shed = counter("foresail_shed_total", "Requests sent away with 503 because too much was in flight");

  const reviews = new Map<string, ReviewTally>();
  const observers = {
    mutate: durations.labels({ endpoint: "mutate" }),
    validate: durations.labels({ endpoint: "validate" }),
  };
  const handOver = (tally: ReviewTally) => {
    requests.inc(tally.labels, tally.seconds.length);
    for (const seconds of tally.seconds.splice(0)) observers[tally.labels.endpoint].observe(seconds);
  };

  return {
    contentType: registry.contentType,
    format() {
      for (const tally of reviews.values()) handOver(tally);
      return registry.metrics();
    },
    countReview(endpoint, { kind, operation }, decision, seconds) {
      const kindLabel = kind !== undefined && kinds.has(kind) ? kind : "other";
      const key = `${endpoint} ${operation} ${kindLabel} ${decision}`;
      let tally = reviews.get(key);
      if (tally === undefined) {
        tally = { labels: { endpoint, operation, kind: kindLabel, decision }, seconds: [] };
        reviews.set(key, tally);
      }
      if (tally.seconds.push(seconds) >= MAX_TALLIED) handOver(tally);
    },
    countOutcome(outcome) {
      for (const [action, verdicts] of Map.groupBy(outcome.verdicts, (verdict) => verdict.action)) {
        const byRule = Map.groupBy(verdicts, (verdict) => verdict.rule);
        for (const [rule, { length }] of byRule) findings.inc({ rule, action }, length);
      }
      for (const rule of outcome.patch.length > 0 ? appliedFixes(outcome) : []) fixes.inc({ rule });
    },
    countFailures(failures) {
      for (const { rule } of failures) failed.inc({ rule });
    },
    countObstacle(obstacle) {
      if (obstacle === "oversize") oversize.inc();
      else if (obstacle === "deadline") expired.inc();
    },
    countRejection: (reason) => rejected.inc({ reason }),
    countUnconfirmed: () => unconfirmed.inc(),
    countShed: () => shed.inc(),
  };
}

function registerGauges(
  { version, configuration, caches, planes, certificates, bundleWrites }: MetricSources,
  registry: Registry,
) {
  const registers = [registry];
  new Gauge({ name: "foresail_build_info", help: "Always 1", labelNames: ["version"], registers }).set(
    { version },
    1,
  );
  gauge("foresail_config_valid", "1 if the configuration last read is valid", () =>
    configuration().isValid ? 1 : 0,
  );
  gauge(
    "foresail_config_warnings",
    "Parts of the configuration that are ignored: rules this version does not know",
    () => configuration().warnings,
  );
  gauge("foresail_config_last_success_timestamp_seconds", "When a valid configuration was last read", () =>
    inSeconds(configuration().lastSuccess),
  );
  gauges("foresail_certificate_not_after_timestamp_seconds", "When the certificate ends", "type", () =>
    Array.from(certificates(), ({ type, notAfter }) => [type, inSeconds(notAfter)] as const),
  );
  gauges("foresail_plane_reachable", "1 if the API server of the plane answers", "plane", () =>
    Array.from(planes(), ({ plane, isReachable }) => [plane, isReachable ? 1 : 0] as const),
  );
  const ofCaches = (name: string, help: string, valueOf: (facts: CacheFacts) => number) =>
    gauges(name, help, "kind", () => Array.from(caches(), (facts) => [facts.kind, valueOf(facts)] as const));
  ofCaches("foresail_cache_synced", "1 if all objects of the kind are known", ({ isSynced }) =>
    isSynced ? 1 : 0,
  );
  ofCaches("foresail_cache_objects", "Objects of the kind that are known", ({ objects }) => objects);
  ofCaches(
    "foresail_cache_age_seconds",
    "Since the objects of the kind were last known to be up to date",
    ({ ageSeconds }) => ageSeconds,
  );
  counts("foresail_cache_relists_total", "How often all objects of the kind were read anew", "kind", () =>
    Array.from(caches(), ({ kind, relists }) => [kind, relists] as const),
  );
  counts(
    "foresail_ca_bundle_writes_total",
    "How often this replica wrote the caBundle of a webhook configuration",
    "configuration",
    bundleWrites,
  );

  function gauge(name: string, help: string, read: () => number) {
    const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(read()) });
  }
  function gauges(
    name: string,
    help: string,
    label: string,
    read: () => readonly (readonly [string, number])[],
  ) {
    const collect = () => {
      made.reset();
      for (const [labelValue, value] of read()) made.set({ [label]: labelValue }, value);
    };
    const made: Gauge<string> = new Gauge({ name, help, labelNames: [label], registers, collect });
  }
  /** Of what counts itself. */
  function counts(
    name: string,
    help: string,
    label: string,
    read: () => Iterable<readonly [string, number]>,
  ) {
    const collect = () => {
      made.reset();
      for (const [labelValue, count] of read()) made.inc({ [label]: labelValue }, count);
    };
    const made: Counter<string> = new Counter({ name, help, labelNames: [label], registers, collect });
  }
}

function inSeconds(milliseconds: number): number {
  return milliseconds / 1000;
}
