import rule from "../../src/rules/istio-init-not-pruned.ts";
import { testRule } from "./rule-tester.ts";

const FILTER = "label!=io.kubernetes.container.name=istio-init";
const OLD = { assume: { istio: "1.23.2", kubernetes: "1.19" } };

const spec = (cleanup: object, rest: object = {}) => ({
  containers: [
    { name: "app", image: "app:1" },
    { name: "cleanup", image: "docker:27-cli", ...cleanup },
  ],
  ...rest,
});
const shell = (text: string) => ({ command: ["sh", "-c", text] });

function pod(container: object, rest: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "cleanup", namespace: "ops" },
    spec: spec(container, rest),
  };
}

function workload(kind: string, container: object): object {
  return {
    apiVersion: kind === "Job" ? "batch/v1" : "apps/v1",
    kind,
    metadata: { name: "cleanup", namespace: "ops" },
    spec: { template: { spec: spec(container) } },
  };
}

function cronJob(container: object, apiVersion = "batch/v1"): object {
  return {
    apiVersion,
    kind: "CronJob",
    metadata: { name: "cleanup", namespace: "ops" },
    spec: { jobTemplate: { spec: { template: { spec: spec(container) } } } },
  };
}

const SCRIPTS = { volumes: [{ name: "scripts", configMap: { name: "scripts" } }] };
const RUNS_SCRIPT = {
  command: ["/scripts/clean.sh"],
  volumeMounts: [{ name: "scripts", mountPath: "/scripts" }],
};

function scripts(text: string, namespace = "ops"): object {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "scripts", namespace },
    data: { "clean.sh": text },
  };
}

const TEMPLATE = ["spec", "template"];
const COMMAND = ["spec", "containers", 1, "command", 2];
const PRUNE = { command: "docker system prune", place: "container cleanup" };

const injectorValues = (values: object, name = "istio-sidecar-injector") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "istio-system" },
  data: { values: JSON.stringify(values) },
});

testRule(rule, {
  valid: [
    { name: "there is no command", object: pod({}) },
    { name: "there are no containers", object: { apiVersion: "v1", kind: "Pod", metadata: { name: "a" } } },
    {
      name: "the prune has the filter",
      object: cronJob(shell(`docker system prune -af --filter ${FILTER}`)),
      settings: OLD,
    },
    {
      name: "images alone are pruned",
      object: workload("DaemonSet", shell("docker image prune -af")),
      settings: OLD,
    },
    {
      name: "the command is a comment or is printed",
      object: workload("Job", shell("echo docker system prune # docker system prune")),
      settings: OLD,
    },
    { name: "the command is not clear", object: pod(shell("$RUNTIME system prune -f")), settings: OLD },
    {
      name: "the mounted script does something else",
      object: pod(RUNS_SCRIPT, SCRIPTS),
      cluster: [scripts("date\n")],
      settings: OLD,
    },
    {
      name: "the ConfigMap of that name is another namespace's",
      object: pod(RUNS_SCRIPT, SCRIPTS),
      cluster: [scripts("docker system prune -f\n", "other")],
      settings: OLD,
    },
    {
      name: "the mounted ConfigMap is not known",
      object: pod(RUNS_SCRIPT, SCRIPTS),
      isComplete: false,
      settings: OLD,
    },
  ],
  invalid: [
    {
      name: "a shell prunes",
      object: cronJob(shell("docker system prune -af")),
      settings: OLD,
      findings: [
        {
          message: "pruned",
          field: ["spec", "jobTemplate", ...TEMPLATE, ...COMMAND],
          data: PRUNE,
          fix: [
            {
              path: ["spec", "jobTemplate", ...TEMPLATE, ...COMMAND],
              value: `docker system prune -af --filter ${FILTER}`,
            },
          ],
        },
      ],
    },
    {
      name: "a command without a shell prunes",
      object: workload("DaemonSet", { command: ["docker"], args: ["container", "prune", "-f"] }),
      settings: OLD,
      findings: [
        {
          message: "pruned",
          field: [...TEMPLATE, "spec", "containers", 1, "command", 0],
          data: { command: "docker container prune", place: "container cleanup" },
          fix: [
            { path: [...TEMPLATE, "spec", "containers", 1, "args", 3], value: "--filter" },
            { path: [...TEMPLATE, "spec", "containers", 1, "args", 4], value: FILTER },
          ],
        },
      ],
    },
    {
      name: "an init container removes what it lists, and a container prunes",
      object: pod(shell("docker system prune -f"), {
        initContainers: [
          { name: "first", image: "a" },
          { name: "second", ...shell("docker rm $(docker ps -aq)") },
        ],
      }),
      settings: OLD,
      findings: [
        {
          message: "removed",
          field: ["spec", "initContainers", 1, "command", 2],
          data: { command: "docker rm", place: "container second" },
        },
        { message: "pruned", field: COMMAND, data: PRUNE },
      ],
    },
    ...["Deployment", "StatefulSet", "ReplicaSet", "Job"].map((kind) => ({
      name: `a ${kind} prunes, and the versions are not known`,
      object: workload(kind, shell("docker system prune -f")),
      findings: [{ message: "prunedUnharmed", field: [...TEMPLATE, ...COMMAND], data: PRUNE }],
    })),
    {
      name: "Kubernetes is new, and Istio old",
      object: cronJob(shell("crictl rm -a"), "batch/v1beta1"),
      settings: { assume: { istio: "1.10", kubernetes: "1.20" } },
      findings: [
        {
          message: "removedUnharmed",
          field: ["spec", "jobTemplate", ...TEMPLATE, ...COMMAND],
          data: { command: "crictl rm --all", place: "container cleanup" },
        },
      ],
    },
    ...[{ istio: "1.24.0", kubernetes: "1.19" }, { istio: "1.10" }, { kubernetes: "1.18" }].map((assume) => ({
      name: `the versions are ${JSON.stringify(assume)}`,
      object: pod(shell("docker system prune -f")),
      settings: { assume },
      findings: [{ message: "prunedUnharmed", field: COMMAND, data: PRUNE }],
    })),
    ...[{ pilot: { cni: { enabled: true } } }, { istio_cni: { enabled: true } }].map((values) => ({
      name: `Istio CNI is used: ${JSON.stringify(values)}`,
      object: pod(shell("docker system prune -f")),
      settings: OLD,
      cluster: [injectorValues(values)],
      findings: [{ message: "prunedUnharmed", field: COMMAND, data: PRUNE }],
    })),
    {
      name: "Istio CNI is off",
      object: pod(shell("docker system prune -f")),
      settings: OLD,
      cluster: [injectorValues({ pilot: { cni: { enabled: false } } })],
      findings: [{ message: "pruned", field: COMMAND, data: PRUNE }],
    },
    {
      name: "a mounted script prunes",
      object: pod(RUNS_SCRIPT, SCRIPTS),
      cluster: [scripts("#!/bin/sh\ndocker system prune -f\n")],
      settings: OLD,
      findings: [
        {
          message: "pruned",
          field: ["spec", "containers", 1, "command", 0],
          data: { ...PRUNE, place: "clean.sh of ConfigMap scripts" },
        },
      ],
    },
    {
      name: "an update prunes",
      object: pod(shell("docker system prune -f")),
      oldObject: pod(shell("date")),
      settings: OLD,
      findings: [{ message: "pruned", field: COMMAND, data: PRUNE }],
    },
  ],
});
