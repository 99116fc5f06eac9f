import { holds } from "../istio/gates.ts";
import { removalsOf } from "../istio/removal/istio-init-removals.ts";
import { changesBelow } from "../kubernetes/json-patch.ts";
import type { Change } from "../kubernetes/json-patch.ts";
import { POD_KINDS, podTemplateOf } from "../kubernetes/pod-template.ts";
import type { ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";
import type { Messages } from "./rule.ts";

const SPARE =
  "Add --filter label!=io.kubernetes.container.name=istio-init as its only label!= filter: of several, a container must have all labels to be spared.";
const LEAVE_TO_KUBELET =
  "Leave finished containers to the kubelet, or use docker container prune with --filter label!=io.kubernetes.container.name=istio-init.";

/** What is harmless in this cluster is a message of its own: its action is never more than Audit. */
const MESSAGES = {
  pruned: {
    text: "{{command}} in {{place}} removes istio-init, too, which fails when it runs again: Init:CrashLoopBackOff",
    remedy: SPARE,
  },
  prunedUnharmed: {
    text: "{{command}} in {{place}} removes istio-init, too; before Kubernetes 1.20 and Istio 1.24 its Pod then crashes",
    action: "Audit",
    remedy: SPARE,
  },
  removed: {
    text: "{{command}} in {{place}} removes istio-init, too, which fails when it runs again: Init:CrashLoopBackOff",
    remedy: LEAVE_TO_KUBELET,
  },
  removedUnharmed: {
    text: "{{command}} in {{place}} removes istio-init, too; before Kubernetes 1.20 and Istio 1.24 its Pod then crashes",
    action: "Audit",
    remedy: LEAVE_TO_KUBELET,
  },
} as const satisfies Messages;

export default defineRule({
  id: "istio-init-not-pruned",
  title: "What cleans up nodes leaves istio-init alone",
  symptoms: [
    "Pods are in Init:CrashLoopBackOff after injection, hours or days after they started well",
    "istio-init fails with iptables-restore, line 2 failed, or Chain already exists",
    "docker system prune restarts init containers",
  ],
  why:
    "A Pod's finished istio-init looks like rubbish to docker system prune. Before Kubernetes 1.20 the kubelet runs an init container again when it is gone. " +
    "Before Istio 1.24 a second istio-init fails, because its iptables rules are there already, and the Pod never gets out of Init:CrashLoopBackOff.",
  remedy:
    "Add --filter label!=io.kubernetes.container.name=istio-init to the prune, or leave finished containers to the kubelet.",
  notes: [
    "Warn where the Pod can still crash: Kubernetes before 1.20, Istio before 1.24, and no Istio CNI, all of them known. In all other clusters it is Audit. Not looked at are two rare cases: an injector with forceApplyIptables, and a prune that removes the app's own containers, too, after which newer kubelets also run istio-init again.",
    "Found are docker, podman and nerdctl with system prune and container prune; rm of what ps -a or ps -f status=exited prints, in $( ), backticks or by xargs; rm --all of podman and crictl; ctr containers rm of what its list prints. crictl rmp is not among them: with the sandbox the iptables rules go, too.",
    "Commands are read as a shell reads them: quotes, sh -c, eval, pipes, here-documents, functions; sudo, timeout, nsenter, chroot and their like. Variables are left alone. A command that is not clear is no finding, nor is one for a daemon elsewhere (DOCKER_HOST=tcp://..., docker:dind beside it) or another namespace of containerd.",
    "A script in a ConfigMap that a container mounts and runs is reported on the workload. foresail check reads it if the ConfigMap is among the files; so do serve and explain with --mesh-state. In a live cluster it is not read: foresail has no right to read the ConfigMaps of all namespaces.",
    "With several label!= filters, docker and podman spare only containers that have all of these labels. A command with another such filter is therefore not repaired by adding one. docker ps knows no label!= at all: use a prune instead.",
    "To get Pods back that crash already, delete them: new ones have a new network namespace.",
  ],
  zh: {
    title: "节点清理任务不删除 istio-init",
    symptoms: [
      "注入后 Pod 正常运行数小时或数天，随后处于 Init:CrashLoopBackOff 状态",
      "istio-init 失败，日志为 iptables-restore line 2 failed 或 Chain already exists",
      "docker system prune 导致 Init 容器重新运行",
    ],
    why: "在 docker system prune 看来，Pod 中已结束的 istio-init 是垃圾。Kubernetes 1.20 之前，Init 容器被删除后 kubelet 会再次运行它。Istio 1.24 之前，iptables 规则已经存在，再次运行的 istio-init 会失败，Pod 一直处于 Init:CrashLoopBackOff。",
    remedy:
      "为清理命令添加 --filter label!=io.kubernetes.container.name=istio-init，或者把已结束的容器交给 kubelet 清理。",
    notes: [
      "在 Pod 仍可能崩溃的集群中为 Warn：已知 Kubernetes 低于 1.20、Istio 低于 1.24，并且没有使用 Istio CNI。在其他集群中均为 Audit。有两种少见的情况不予考虑：注入时设置了 forceApplyIptables；清理时连应用容器也一并删除，之后较新的 kubelet 也会再次运行 istio-init。",
      "能发现的命令：docker、podman、nerdctl 的 system prune 和 container prune；对 ps -a 或 ps -f status=exited 的输出执行 rm（通过 $( )、反引号或 xargs）；podman 和 crictl 的 rm --all；对 ctr 列表的输出执行 ctr containers rm。不包括 crictl rmp：删除沙箱时，iptables 规则也随之消失。",
      "按照 shell 的方式读取命令：引号、sh -c、eval、管道、here-document、函数；以及 sudo、timeout、nsenter、chroot 等。变量不做展开。不明确的命令不报告；针对其他守护进程（DOCKER_HOST=tcp://...，或同一 Pod 中的 docker:dind）以及 containerd 其他命名空间的命令也不报告。",
      "如果容器挂载并运行 ConfigMap 中的脚本，则在工作负载上报告。当 ConfigMap 在所检查的文件中时，foresail check 会读取它；使用 --mesh-state 的 serve 和 explain 也会读取。在真实集群中不读取：foresail 无权读取所有命名空间的 ConfigMap。",
      "如果有多个 label!= 过滤条件，docker 和 podman 只保留同时具有这些标签的容器。因此，已有此类过滤条件的命令不能靠再加一个来修复。docker ps 不支持 label!=，请改用 prune。",
      "要恢复已经崩溃的 Pod，请将其删除：新的 Pod 有新的网络命名空间。",
    ],
  },
  sources: [
    "Alibaba Cloud Service Mesh, FAQ, https://www.alibabacloud.com/help/en/asm/support/faq",
    "Istio issue 42792, Multiple runs of istio-init, https://github.com/istio/istio/issues/42792",
    "Istio pull request 50328, Idempotency for istio-iptables, https://github.com/istio/istio/pull/50328",
    "Kubernetes pull request 96572, do not rerun init containers, https://github.com/kubernetes/kubernetes/pull/96572",
    "Docker, docker container prune, https://docs.docker.com/reference/cli/docker/container/prune/",
    "Docker, daemon/prune.go, https://github.com/moby/moby/blob/master/daemon/prune.go",
  ],
  example: {
    bad: `apiVersion: batch/v1
kind: CronJob
metadata: { name: cleanup, namespace: ops }
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - name: cleanup
            image: docker:27-cli
            command: [sh, -c, docker system prune -af]
`,
    good: `apiVersion: batch/v1
kind: CronJob
metadata: { name: cleanup, namespace: ops }
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - name: cleanup
            image: docker:27-cli
            command: [sh, -c, docker system prune -af --filter label!=io.kubernetes.container.name=istio-init]
`,
  },
  action: "Warn",
  kinds: POD_KINDS,
  operations: ["CREATE", "UPDATE"],
  reads: ["ConfigMap"],
  gates: ["istioInitFailsTwice", "removedInitContainersRunAgain"],
  options: {},
  messages: MESSAGES,
  *check({ kind, namespace, object }, cluster) {
    const { path, spec } = podTemplateOf(kind, object);
    const removals = removalsOf(
      spec,
      (configMap, key) => cluster.get("ConfigMap", namespace, configMap)?.data?.[key],
    );
    if (removals.length === 0) return;
    const canCrash = podsCanCrash(cluster);
    const fixes = new Map<readonly Change[], readonly Change[]>();
    for (const { command, isPrune, place, field, fix } of removals) {
      const below = fix && (fixes.get(fix) ?? changesBelow(path, fix));
      if (fix && below) fixes.set(fix, below);
      yield {
        message: messageFor(isPrune, canCrash),
        field: [...path, ...field],
        data: { command, place },
        ...(below === undefined ? {} : { fix: below }),
      };
    }
  },
});

/** Unknown versions are the newest. */
function podsCanCrash({ mesh, versions }: ClusterView<"ConfigMap">): boolean {
  const isOld = (["istioInitFailsTwice", "removedInitContainersRunAgain"] as const).every(
    (gate) => holds(gate, versions) === true,
  );
  const revisions = ["", ...mesh.injectors.map(({ revision }) => revision)];
  return isOld && !revisions.some((revision) => mesh.injectorSettings(revision)?.usesCni);
}

function messageFor(isPrune: boolean, canCrash: boolean): keyof typeof MESSAGES {
  if (isPrune) return canCrash ? "pruned" : "prunedUnharmed";
  return canCrash ? "removed" : "removedUnharmed";
}
