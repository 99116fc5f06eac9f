/** Who removes a finalizer, and what it guards: without that controller its object stays for ever. */
import type { Labels } from "./objects.ts";

export interface FinalizerFacts {
  /** Who removes it: completes "waits for ...". */
  readonly controller: string;
  /**
   * `cluster`: kube-controller-manager, there in every cluster. `pods`: Pods with one of these sets of labels, as upstream
   * installs them. `anywhere`: also outside the cluster, so that nobody can see whether it runs.
   */
  readonly runs: "cluster" | "anywhere" | ControllerPods;
  /** What is left undone if somebody else removes it: completes "by hand it leaves ...". */
  readonly leaves: string;
  /** What it waits for while its controller runs; left out where the controller just does its work. */
  readonly waitsFor?: string;
  /** `"title, URL"`. */
  readonly source: string;
}

export interface ControllerPods {
  readonly pods: readonly Labels[];
  /** The namespace that upstream's installation makes for it, if everybody uses that. */
  readonly home?: string;
}

const GARBAGE_COLLECTION =
  "Kubernetes, Garbage Collection, https://kubernetes.io/docs/concepts/architecture/garbage-collection/";
const AWS_CONTROLLER = {
  controller: "the AWS Load Balancer Controller",
  runs: { pods: [{ "app.kubernetes.io/name": "aws-load-balancer-controller" }] },
  leaves: "a load balancer or target group in the cloud",
  source: "AWS Load Balancer Controller, https://kubernetes-sigs.github.io/aws-load-balancer-controller/",
};
const CCM = {
  controller: "the cloud controller manager",
  runs: "anywhere",
  leaves: "a load balancer in the cloud, which costs money",
  source:
    "Alibaba Cloud, Considerations for configuring a LoadBalancer Service, https://www.alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/user-guide/considerations-for-configuring-a-loadbalancer-type-service-1",
} as const;
const CERT_MANAGER = {
  controller: "cert-manager",
  runs: { pods: [{ "app.kubernetes.io/name": "cert-manager" }] },
  leaves: "the DNS record or HTTP route of an ACME challenge",
  source: "cert-manager issue 7266, https://github.com/cert-manager/cert-manager/issues/7266",
};
const SNAPSHOT_CONTROLLER = {
  controller: "the snapshot controller",
  runs: { pods: [{ "app.kubernetes.io/name": "snapshot-controller" }, { app: "snapshot-controller" }] },
  leaves: "a snapshot in the storage system",
  source: "kubernetes-csi, external-snapshotter, https://github.com/kubernetes-csi/external-snapshotter",
};

const FINALIZERS: Readonly<Record<string, FinalizerFacts>> = {
  "acme.cert-manager.io/finalizer": CERT_MANAGER,
  "batch.kubernetes.io/job-tracking": {
    controller: "the job controller",
    runs: "cluster",
    leaves: "a Pod that its Job does not count",
    source: "Kubernetes, Jobs, https://kubernetes.io/docs/concepts/workloads/controllers/job/",
  },
  "elbv2.k8s.aws/resources": AWS_CONTROLLER,
  "externalsecrets.external-secrets.io/externalsecret-cleanup": {
    controller: "the External Secrets Operator",
    runs: { pods: [{ "app.kubernetes.io/name": "external-secrets" }] },
    leaves: "Secrets that it made",
    source: "External Secrets Operator, https://external-secrets.io/latest/api/externalsecret/",
  },
  "finalizer.acme.cert-manager.io": CERT_MANAGER,
  "finalizer.keda.sh": {
    controller: "KEDA",
    runs: { pods: [{ app: "keda-operator" }, { "app.kubernetes.io/name": "keda-operator" }] },
    leaves: "the target at the number of replicas that it has",
    source: "KEDA, Troubleshooting, https://keda.sh/docs/latest/troubleshooting/",
  },
  "finalizers.fluxcd.io": {
    controller: "Flux",
    runs: { pods: ["source-controller", "kustomize-controller", "helm-controller"].map((app) => ({ app })) },
    leaves: "everything that it has applied",
    source: "Flux, Kustomization, https://fluxcd.io/flux/components/kustomize/kustomizations/#finalizers",
  },
  "finalizers.kubesphere.io/namespaces": {
    controller: "KubeSphere",
    runs: { pods: [{ app: "ks-controller-manager" }] },
    leaves: "KubeSphere's own records of the namespace",
    source:
      "KubeSphere, namespace controller, https://github.com/kubesphere/kubesphere/tree/master/pkg/controller/namespace",
  },
  foregroundDeletion: {
    controller: "the garbage collector",
    runs: "cluster",
    leaves: "what the object owns to be deleted later",
    waitsFor: "the objects that it owns",
    source: GARBAGE_COLLECTION,
  },
  "ingress.k8s.alibaba/resources": {
    controller: "the ALB Ingress controller",
    runs: "anywhere",
    leaves: "an application load balancer in the cloud, which costs money",
    source:
      "Alibaba Cloud, ALB Ingress management, https://www.alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/user-guide/alb-ingress-overview",
  },
  "ingress.k8s.aws/resources": AWS_CONTROLLER,
  "istio-finalizer.install.istio.io": {
    controller: "the Istio operator",
    runs: { pods: [{ name: "istio-operator" }], home: "istio-operator" },
    leaves: "the control plane that it installed",
    source:
      "Istio has deprecated its In-Cluster Operator, https://istio.io/latest/blog/2024/in-cluster-operator-deprecation-announcement/",
  },
  "kiali.io/finalizer": {
    controller: "the Kiali operator",
    runs: { pods: [{ "app.kubernetes.io/name": "kiali-operator" }] },
    leaves: "the Kiali that it installed",
    source: "Kiali, Uninstall, https://kiali.io/docs/installation/installation-guide/install-with-helm/",
  },
  "kubernetes.io/pvc-protection": {
    controller: "the PVC protection controller",
    runs: "cluster",
    leaves: "Pods without the volume that they use",
    waitsFor: "the Pods that use the volume",
    source:
      "Kubernetes, Storage Object in Use Protection, https://kubernetes.io/docs/concepts/storage/persistent-volumes/#storage-object-in-use-protection",
  },
  "maistra.io/istio-operator": {
    controller: "the OpenShift Service Mesh operator",
    runs: { pods: [{ name: "istio-operator" }] },
    leaves: "the control plane that it installed, and its members' network policies",
    source: "Maistra, istio-operator, https://github.com/maistra/istio-operator",
  },
  orphan: {
    controller: "the garbage collector",
    runs: "cluster",
    leaves: "dependents that name an owner which is gone",
    source: GARBAGE_COLLECTION,
  },
  "resource.kubernetes.io/delete-protection": {
    controller: "the resource claim controller",
    runs: "cluster",
    leaves: "Pods without the device that they use",
    waitsFor: "the Pods that use the claim",
    source:
      "Kubernetes, Dynamic Resource Allocation, https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/",
  },
  "service.k8s.alibaba/nlb": CCM,
  "service.k8s.alibaba/resources": CCM,
  "service.k8s.aws/resources": AWS_CONTROLLER,
  "service.kubernetes.io/load-balancer-cleanup": {
    ...CCM,
    source:
      "Kubernetes, Garbage collecting load balancers, https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/#garbage-collecting-load-balancers",
  },
  "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection": SNAPSHOT_CONTROLLER,
  "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection": SNAPSHOT_CONTROLLER,
};

/** Of finalizers that end in a name or a mode. */
const FAMILIES: readonly (readonly [prefix: string, facts: FinalizerFacts])[] = [
  ["group.ingress.k8s.aws/", AWS_CONTROLLER],
  [
    "controller.cattle.io/",
    {
      controller: "Rancher",
      runs: "anywhere",
      leaves: "Rancher's own records of the object",
      source: "Rancher, Rancher cleanup, https://github.com/rancher/rancher-cleanup",
    },
  ],
  [
    "resources-finalizer.argocd.argoproj.io",
    {
      controller: "Argo CD",
      runs: { pods: [{ "app.kubernetes.io/name": "argocd-application-controller" }] },
      leaves: "everything that it has applied",
      source:
        "Argo CD, App Deletion, https://argo-cd.readthedocs.io/en/stable/user-guide/app_deletion/#about-the-deletion-finalizer",
    },
  ],
];

/** All that foresail knows, in order; those that end in a name or a mode with an asterisk. */
export function knownFinalizers(): readonly (readonly [finalizer: string, facts: FinalizerFacts])[] {
  const families = FAMILIES.map(([prefix, facts]) => [`${prefix}*`, facts] as const);
  return [...Object.entries(FINALIZERS), ...families].toSorted(([one], [other]) => (one < other ? -1 : 1));
}

/** Undefined for a finalizer that foresail does not know. */
export function finalizerFacts(finalizer: string): FinalizerFacts | undefined {
  if (Object.hasOwn(FINALIZERS, finalizer)) return FINALIZERS[finalizer];
  return FAMILIES.find(([prefix]) => finalizer.startsWith(prefix))?.[1];
}

/** Of every cluster's own controllers: whatever these wait for is in the cluster itself. */
export function isBuiltIn(finalizer: string): boolean {
  return finalizerFacts(finalizer)?.runs === "cluster";
}
