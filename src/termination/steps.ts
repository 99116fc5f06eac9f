/** What to do so that a namespace ends without leaving anything behind, in the order in which it helps. */
import { finalizerFacts, isBuiltIn } from "../kubernetes/finalizers.ts";
import { firstOf } from "../kubernetes/listing.ts";
import { resourceName } from "./facts.ts";
import type { FinalizerSight, TerminationFacts } from "./facts.ts";
import { heldIn } from "./held.ts";
import type { Held } from "./held.ts";
import { hiddenIn } from "./hidden.ts";
import { leftUndone, whoRemoves } from "./words.ts";

export interface Step {
  /** What is in the way, and when the commands are right. */
  readonly text: string;
  /** As a shell runs them. */
  readonly commands: readonly string[];
}

/** For longer, a kubelet or the namespace controller is not at work. */
const PATIENCE_MS = 60_000;
const MAX_NAMES = 3;
/** More objects than this are named by their kind in a command. */
const MAX_PATCHES = 5;
/** The finalizer of the namespace controller. */
const KUBERNETES = "kubernetes";

/** Empty where nothing is in the way. `now` is in milliseconds since 1970. */
export function stepsFor(facts: TerminationFacts, now: number): readonly Step[] {
  const lost = [...apiSteps(facts), ...webhookSteps(facts)];
  const steps = [
    ...lost,
    ...(lost.length === 0 ? failureSteps(facts) : []),
    ...controllerSteps(facts, now),
    ...heldIn(facts).map((held) => heldStep(held, facts)),
    ...hiddenSteps(facts),
    ...podSteps(facts, now),
    ...ownSteps(facts),
  ];
  if (steps.length === 0) return steps;
  const { name } = facts.namespace;
  const end = {
    text: "Then the namespace controller ends the namespace, within a minute or two:",
    commands: [`kubectl wait --for=delete namespace/${name} --timeout=3m`],
  };
  return [...steps, end];
}

/** Without these nobody knows what is in the namespace. */
function apiSteps({ lostApis = [], lostConversions }: TerminationFacts): readonly Step[] {
  return [
    ...lostApis.map(({ name, service, reason }) => ({
      text: `The APIService ${name} is not available: ${sentence(reason)} No namespace ends until it is. Bring back its Service ${service}; if that is gone for good, give up the API:`,
      commands: [`kubectl delete apiservice ${name}`],
    })),
    ...lostConversions.map(({ name, converter, isConverterThere }) => ({
      text: `The objects of ${name} cannot be read: ${converter}, which converts them, ${isConverterThere ? "does not answer" : "is not there"}. Bring it back; if it is gone for good, give up the conversion:`,
      commands: [
        `kubectl patch crd ${name} --type=merge -p '{"spec":{"conversion":{"strategy":"None","webhook":null}}}'`,
      ],
    })),
  ];
}

function webhookSteps({ webhooks }: TerminationFacts): readonly Step[] {
  return webhooks.map(({ name, configuration, isLost }) => {
    if (!isLost)
      return {
        text: `The admission webhook ${name} refuses deletions; the condition above says why.`,
        commands: [],
      };
    const text = `The admission webhook ${name} does not answer, and nothing may be deleted without it. Bring it back; if it is gone for good, delete its configuration:`;
    return { text, commands: configuration === undefined ? [] : [`kubectl delete ${configuration}`] };
  });
}

/** Said of every kind of which something is left, as of Pods that have time to stop. */
const STILL_THERE = /unexpected items still remain in namespace/;

/** What nothing else explains. */
function failureSteps({ namespace }: TerminationFacts): readonly Step[] {
  return namespace.report.failures
    .filter(({ message }) => !STILL_THERE.test(message))
    .map(({ type }) => ({
      text: `The namespace controller cannot do its work: ${type} says why. See to what it names; it tries again by itself.`,
      commands: [],
    }));
}

function controllerSteps({ namespace, content }: TerminationFacts, now: number): readonly Step[] {
  const { deletedAt = now, report } = namespace;
  if (report.isThere || content.length === 0 || now - deletedAt < PATIENCE_MS) return [];
  return [
    {
      text: "The namespace controller has never looked at this namespace: does kube-controller-manager run? Its lease says who was the last, and when:",
      commands: ["kubectl get lease kube-controller-manager -n kube-system -o yaml"],
    },
  ];
}

function heldStep(held: Held, { namespace, finalizers }: TerminationFacts): Step {
  const { resource, names } = held;
  const who = held.finalizers.map(
    (finalizer) => `${finalizer} (${whoRemoves(finalizer, finalizers.get(finalizer))})`,
  );
  const runs = held.finalizers.flatMap((finalizer) => readyController(finalizers.get(finalizer)));
  const noun = who.length === 1 ? "finalizer" : "finalizers";
  return {
    text: [
      `${resource.kind} ${firstOf(names, MAX_NAMES)} ${names.length === 1 ? "stays" : "stay"} until somebody removes the ${noun} ${who.join(" and ")}.`,
      `${advice(held.finalizers, runs.length > 0)}, remove the ${noun} by hand, which leaves ${leftUndone(held.finalizers)}:`,
    ].join(" "),
    commands: [
      ...(isUnseen(held.finalizers)
        ? names
            .slice(0, 1)
            .map((name) => `kubectl describe ${resourceName(resource)} ${name} -n ${namespace.name}`)
        : []),
      ...runs.map(([kind = "", place = ""]) => {
        const [home = "", name = ""] = place.split("/");
        return `kubectl logs ${kind}/${name} -n ${home} --tail=50`;
      }),
      ...patchCommands(held, namespace.name),
    ],
  };
}

function hiddenSteps(facts: TerminationFacts): readonly Step[] {
  const hidden = hiddenIn(facts);
  if (hidden === undefined) return [];
  const { kinds, finalizers } = hidden;
  const who = finalizers.map((finalizer) => `${finalizer} (${whoRemoves(finalizer, undefined)})`);
  const noun = who.length === 1 ? "finalizer" : "finalizers";
  return [
    {
      text: `Something of ${kinds.join(", ")}, which you may not list, stays until somebody removes the ${noun} ${who.join(" and ")}. Who may list it sees what it is, and what to do:`,
      commands: [`foresail namespace ${facts.namespace.name}`],
    },
  ];
}

function advice(finalizers: readonly string[], runs: boolean): string {
  if (runs) return "Its log says why it does not; only if it never will";
  if (isUnseen(finalizers))
    return "The object's events say what went wrong; only if its controller is gone for good";
  return "Bring its controller back; if that is gone for good";
}

/** One of the controllers may run where nobody can look. */
function isUnseen(finalizers: readonly string[]): boolean {
  return finalizers.some((finalizer) => finalizerFacts(finalizer)?.runs === "anywhere");
}

/** Its kind and its place. */
function readyController(sight: FinalizerSight | undefined): readonly (readonly string[])[] {
  const controller = sight?.controller ?? "unknown";
  if (controller === "unknown" || controller.seen === undefined || !controller.isReady) return [];
  return [controller.seen.split(" ")];
}

function patchCommands({ resource, names, others, isWholeKind }: Held, namespace: string): readonly string[] {
  const kind = resourceName(resource);
  const patch = `-n ${namespace} --type=merge -p '${finalizersPatch(others)}'`;
  if (isWholeKind && names.length > MAX_PATCHES)
    return [`kubectl get ${kind} -n ${namespace} -o name | xargs -n 1 kubectl patch ${patch}`];
  return names.map((name) => `kubectl patch ${kind} ${name} ${patch}`);
}

function finalizersPatch(others: readonly string[]): string {
  return JSON.stringify({ metadata: { finalizers: others.length === 0 ? null : others } });
}

function podSteps({ namespace, content }: TerminationFacts, now: number): readonly Step[] {
  const pods = content.find(({ resource }) => resourceName(resource) === "pods")?.objects ?? [];
  const late = pods.filter(
    ({ deletedAt = now, finalizers }) => now - deletedAt > PATIENCE_MS && finalizers.every(isBuiltIn),
  );
  if (late.length === 0) return [];
  const names = late.map(({ name }) => name);
  return [
    {
      text: `Pod ${firstOf(names, MAX_NAMES)} should have stopped by now: the kubelet of its node does not say so. See to the node; if that is gone for good, forget the Pod:`,
      commands: [`kubectl delete pod ${names.join(" ")} -n ${namespace.name} --grace-period=0 --force`],
    },
  ];
}

/** The namespace's own finalizers, which count when it is empty. */
function ownSteps({ namespace }: TerminationFacts): readonly Step[] {
  const { name, finalizers, specFinalizers } = namespace;
  const held = finalizers.filter((finalizer) => !isBuiltIn(finalizer));
  const others = specFinalizers.filter((finalizer) => finalizer !== KUBERNETES);
  const steps: Step[] = [];
  if (held.length > 0) {
    const who = held.map((finalizer) => finalizerFacts(finalizer)?.controller ?? "somebody unknown");
    const patch = finalizersPatch(finalizers.filter(isBuiltIn));
    steps.push({
      text: `The namespace itself waits for ${held.join(", ")}, which ${who.join(", ")} has to remove. If that is gone for good, remove the finalizer by hand, which leaves ${leftUndone(held)}:`,
      commands: [`kubectl patch namespace ${name} --type=merge -p '${patch}'`],
    });
  }
  if (others.length > 0)
    steps.push({
      text: `spec.finalizers of the namespace has ${others.join(", ")}, too. If nobody removes that when all else is gone:`,
      commands: [`foresail namespace ${name} --finalize --yes`],
    });
  return steps;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`;
}
