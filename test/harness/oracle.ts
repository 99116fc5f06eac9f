/**
 * Asks Istio's own code which DestinationRule a client gets: the program of test/real-istio/oracle makes istiod's tables of a
 * mesh in memory, without an API server, and looks up what istiod would look up for a proxy.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import type { Json } from "../../src/kubernetes/json.ts";
import { boolean, list, mapOf, object, string } from "../../src/kubernetes/shape.ts";
import type { Shape, Shaped } from "../../src/kubernetes/shape.ts";
import { findOracle } from "./istio-tools.ts";
import { skipOrFail } from "./missing-tool.ts";

/** As istiod of the default revision sees it. */
export interface OracleMesh {
  /**
   * Kubernetes objects: Namespaces, Services, kinds of Istio, and the ConfigMap istio-system/istio. istiod sorts by
   * creationTimestamp; objects without one are equally old, and older than all others.
   */
  readonly objects: readonly Json[];
  /** Of istiod: `cluster.local` unless given. */
  readonly clusterDomain?: string;
}

export interface OracleQuery {
  readonly clientNamespace: string;
  readonly clientLabels: Readonly<Record<string, string>>;
  readonly proxy: "sidecar" | "gateway" | "waypoint";
  readonly host: string;
  /** Asks for the proxy's listeners on this port instead, and for no host. */
  readonly port?: number;
}

const json: Shape<unknown> = { blank: undefined, read: (value) => value };

const answerShape = object({
  visible: boolean,
  /** The owner of the hostname that this client takes. */
  service: object({ kind: string, namespace: string, name: string }),
  /** An ExternalName Service: Istio makes no cluster for it. */
  alias: boolean,
  /** `namespace/name`, in the order in which they were merged. */
  destinationRules: list(string),
  /** Of the host, as `outbound|80|v1|web.shop.svc.cluster.local`; only `askAll` names them. */
  clusters: list(string),
  /** On the port that was asked for, by address. */
  listeners: list(
    object({
      address: string,
      /** Connections to other blocks of addresses or other server names, or that are no HTTP, match not. */
      chains: list(
        object({ serverNames: list(string), prefixes: list(string), isHttp: boolean, cluster: string }),
      ),
    }),
  ),
  /** What was made of the DestinationRules. */
  rule: object({
    exportTo: list(string),
    workloadSelector: object({ matchLabels: mapOf(string) }),
    subsets: list(json),
    trafficPolicy: json,
  }),
});
const responseShape = object({ answers: list(answerShape), refused: list(string), error: string });

/** What is false, empty or not there is absent, except `visible`. */
export type OracleAnswer = Shaped<typeof answerShape>;

/** What takes longer to find out. */
interface FullAnswer {
  readonly answers: readonly OracleAnswer[];
  /** The objects that Istio's own validation refuses, as `DestinationRule shop/web: why`; they are in the mesh nevertheless. */
  readonly refused: readonly string[];
}

export interface Oracle {
  /** One answer for each query. Rejects when Istio cannot read the mesh. May be called again before it has answered. */
  ask(mesh: OracleMesh, queries: readonly OracleQuery[]): Promise<readonly OracleAnswer[]>;
  /** With the clusters that Istio makes for the proxies, and what its validation says of the objects. */
  askAll(mesh: OracleMesh, queries: readonly OracleQuery[]): Promise<FullAnswer>;
  /** Ends the program when it has answered. */
  stop(): Promise<void>;
}

/** Istio's test doubles keep some 0.9 MB of each mesh for ever. */
const MAX_MESHES = 3_000;

/** Undefined if there is no Go to build it with; the test is skipped then, or fails as `skipOrFail` says. */
export async function startOracle(t: Pick<TestContext, "after" | "skip">): Promise<Oracle | undefined> {
  const program = await findOracle();
  if (typeof program !== "string") {
    skipOrFail(t, program);
    return undefined;
  }
  const oracle = createOracle(program);
  t.after(() => oracle.stop());
  return oracle;
}

export function createOracle(program: string): Oracle {
  let process = startProcess(program);
  let meshes = 0;
  const ending: Promise<void>[] = [];
  const askProcess = async (
    { objects, clusterDomain = "cluster.local" }: OracleMesh,
    queries: readonly OracleQuery[],
    clusters: boolean,
  ): Promise<FullAnswer> => {
    if (meshes++ % MAX_MESHES === MAX_MESHES - 1) {
      ending.push(process.end());
      process = startProcess(program);
    }
    const question = { objects, clusterDomain, revision: "default", queries, clusters };
    const line = await process.ask(JSON.stringify(question));
    const { answers = [], refused = [], error } = responseShape.read(JSON.parse(line)) ?? {};
    if (error !== undefined) throw new Error(error);
    return { answers, refused };
  };
  return {
    ask: async (mesh, queries) => (await askProcess(mesh, queries, false)).answers,
    askAll: (mesh, queries) => askProcess(mesh, queries, true),
    async stop() {
      await Promise.all([...ending, process.end()]);
    },
  };
}

interface Process {
  ask(line: string): Promise<string>;
  end(): Promise<void>;
}

function startProcess(program: string): Process {
  const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const waiting: PromiseWithResolvers<string>[] = [];
  createInterface(child.stdout).on("line", (line) => waiting.shift()?.resolve(line));
  // The exit tells the rest.
  child.stdin.on("error", () => {});
  child.on("exit", (code, signal) => {
    const error = new Error(`Istio's lookup ended: ${code ?? signal}`);
    for (const one of waiting.splice(0)) one.reject(error);
  });
  return {
    ask(line) {
      const one = Promise.withResolvers<string>();
      waiting.push(one);
      child.stdin.write(`${line}\n`);
      return one.promise;
    },
    async end() {
      child.stdin.end();
      await exited;
    },
  };
}
