import {
  EXPOSED_KINDS,
  exposureOfIstioGateway,
  exposureOfKubernetesGateway,
  exposureOfService,
  isForCcm,
  isKeptByCcm,
  titleOf,
} from "../istio/load-balancers/exposure.ts";
import type { Exposure } from "../istio/load-balancers/exposure.ts";
import { holds } from "../istio/gates.ts";
import { keepCommand } from "../istio/load-balancers/repair.ts";
import { ccmSetting, describeLoadBalancer } from "../istio/load-balancers/load-balancers.ts";
import type { Versions } from "../istio/versions.ts";
import { groupOf } from "../kubernetes/objects.ts";
import type { Kinds } from "../kubernetes/objects.ts";
import type { ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";
import type { Operation, Review, ReviewOf } from "./rule.ts";

const READS = ["IstioGateway", "KubernetesGateway", "Namespace", "Service"] as const;

export default defineRule({
  id: "gateway-load-balancer-survives",
  title: "A gateway's load balancer outlives what it was made for",
  symptoms: [
    "deleting an ASM gateway deleted the load balancer",
    "the gateway has another IP address since it was created again",
    "the load balancer (CLB, NLB, SLB) is gone after a Service, a gateway or a namespace was deleted",
    "can not reuse loadbalancer created by kubernetes",
  ],
  why: "A load balancer that was made for a Service of type LoadBalancer goes with it: when the Service is deleted, gets another type, or goes with its IstioGateway, its Gateway or its namespace. Its address is lost for ever, and with it what DNS and others' firewalls know of it.",
  remedy:
    'Before you delete it, set the annotation service.beta.kubernetes.io/alibaba-cloud-loadbalancer-preserve-lb-on-delete: "true" on the Service, in spec.serviceAnnotations for an IstioGateway.',
  notes: [
    "A load balancer that you have made yourself and named in the annotation alibaba-cloud-loadbalancer-id is never deleted. Annotations with the older prefix alicloud- count as well.",
    "preserve-lb-on-delete needs version 2.10 of the cloud controller manager (CCM), and any value but the empty one turns it on, even false. For older versions, write the load balancer's id into alibaba-cloud-loadbalancer-id right before you delete the Service.",
    "At any other time, that id does harm: CCM refuses to use a load balancer as yours that it has made itself (can not reuse loadbalancer created by kubernetes), and stops updating it. The advice to write it there and to go on with the gateway no longer holds.",
    "Delete protection does not protect from this: CCM turns it off itself before it deletes the load balancer.",
    "A change of type deletes the load balancer as well. CCM's documentation advises to keep one by deleting the Service, not by changing its type: it may take a kept load balancer back when the type returns.",
    "The namespace controller and the garbage collector are never refused, nor is what follows from an IstioGateway or Gateway that is gone. An Istio Gateway (networking.istio.io) has no load balancer.",
    "On other clouds, whose controllers are not known here, all of this is only audited, for Services that have an address.",
  ],
  zh: {
    title: "网关的负载均衡不会随网关一起被删除",
    symptoms: [
      "删除 ASM 网关时，负载均衡也被删除了",
      "重新创建网关之后，IP 地址变了",
      "删除 Service、网关或命名空间之后，负载均衡（CLB、NLB、SLB）不见了",
      "can not reuse loadbalancer created by kubernetes",
    ],
    why: "为 LoadBalancer 类型的 Service 自动创建的负载均衡会随之消失：Service 被删除、类型被修改，或者随 IstioGateway、Gateway 或命名空间一起被删除。其地址将永久丢失，DNS 和对方防火墙中的记录也随之失效。",
    remedy:
      '删除之前，在 Service 上（IstioGateway 则在 spec.serviceAnnotations 中）设置注解 service.beta.kubernetes.io/alibaba-cloud-loadbalancer-preserve-lb-on-delete: "true"。',
    notes: [
      "自行创建并写在注解 alibaba-cloud-loadbalancer-id 中的负载均衡不会被删除。旧前缀 alicloud- 的注解同样有效。",
      "preserve-lb-on-delete 需要 2.10 及以上版本的 Cloud Controller Manager（CCM）；除空值外，任何值（包括 false）都表示保留。对于更早的版本，请在即将删除 Service 之前把负载均衡的 ID 写入 alibaba-cloud-loadbalancer-id。",
      "在其他时候写入该 ID 是有害的：CCM 拒绝把自己创建的负载均衡当作用户的来复用（can not reuse loadbalancer created by kubernetes），并停止更新。“写入 ID 后继续使用网关”的建议已不再成立。",
      "删除保护不能防止这种情况：CCM 在删除负载均衡之前会自行关闭删除保护。",
      "修改类型同样会删除负载均衡。CCM 的文档建议通过删除 Service（而不是修改类型）来保留负载均衡：类型改回后，CCM 可能会重新接管已保留的负载均衡。",
      "命名空间控制器和垃圾回收器从不会被拒绝；IstioGateway 或 Gateway 已删除时，随之进行的删除也不会被拒绝。Istio 的 Gateway（networking.istio.io）没有负载均衡。",
      "对于其他云（其控制器的行为未知），仅审计已有地址的 Service。",
    ],
  },
  sources: [
    "Alibaba Cloud, Retain a CLB instance when an ASM gateway is deleted, https://www.alibabacloud.com/help/en/alibaba-cloud-service-mesh/latest/how-to-retain-a-load-balancing-instance-when-deleting-an-asm-gateway",
    "Alibaba Cloud, Add annotations to a Service to configure CLB instances, https://www.alibabacloud.com/help/en/ack/ack-managed-and-ack-dedicated/user-guide/add-annotations-to-the-yaml-file-of-a-service-to-configure-clb-instances",
    "CCM's source, pkg/controller/service, https://github.com/kubernetes/cloud-provider-alibaba-cloud/tree/master/pkg/controller/service",
  ],
  example: {
    bad: `apiVersion: istio.alibabacloud.com/v1
kind: IstioGateway
metadata: { name: ingressgateway, namespace: istio-system }
spec:
  gatewayType: ingress
  serviceType: LoadBalancer
`,
    good: `apiVersion: istio.alibabacloud.com/v1
kind: IstioGateway
metadata: { name: ingressgateway, namespace: istio-system }
spec:
  gatewayType: ingress
  serviceType: LoadBalancer
  serviceAnnotations:
    service.beta.kubernetes.io/alibaba-cloud-loadbalancer-preserve-lb-on-delete: "true"
`,
  },
  action: "Warn",
  kinds: [...EXPOSED_KINDS, "Namespace"],
  operations: ["CREATE", "UPDATE", "DELETE"],
  reads: READS,
  goesOnWithout: ["IstioGateway"],
  gates: ["loadBalancersPreserved"],
  options: {},
  messages: {
    anyValueKeeps: {
      text: 'preserve-lb-on-delete is "{{value}}", and keeps the load balancer of {{object}} all the same: any value does',
      action: "Warn",
      remedy: 'Remove it if the load balancer shall go as well; write "true" if it shall stay.',
    },
    goesLater: {
      text: "The load balancer that is made for {{object}} will be deleted with it",
      action: "Audit",
      remedy:
        'To keep it then, set service.beta.kubernetes.io/alibaba-cloud-loadbalancer-preserve-lb-on-delete: "true" (CCM 2.10 or newer).',
    },
    goesOnOtherCloud: {
      text: "{{change}} deletes the load balancer at {{addresses}}, unless the cloud's controller is told to keep it",
      action: "Audit",
      remedy: "Ask the cloud's documentation how to keep it.",
    },
    goesWithNamespace: {
      text: "Deleting namespace {{namespace}} deletes the load balancers in it: {{loadBalancers}}",
      remedy: "Keep them first: {{command}}",
    },
    goesWithObject: {
      text: "Deleting {{object}} deletes {{loadBalancer}}",
      remedy: "Keep it first: {{command}}",
    },
    goesWithOwner: {
      text: "{{change}} deletes {{loadBalancer}}: that was decided with {{owner}}",
      action: "Audit",
    },
    goesWithType: {
      text: "Type {{type}} of {{object}} deletes {{loadBalancer}}",
      remedy: "Leave the type, or: {{command}}",
    },
    ownIdIsRefused: {
      text: "CCM made {{id}} itself, refuses it as the id of {{object}}, and stops updating it",
      action: "Warn",
      remedy:
        'Remove the id; preserve-lb-on-delete: "true" keeps the load balancer. The id does so only right before a deletion.',
    },
    preserveIsNotRead: {
      text: "CCM {{version}} does not read preserve-lb-on-delete: the load balancer of {{object}} will be deleted with it",
      action: "Warn",
      remedy:
        "Update CCM to 2.10, or write the load balancer's id into loadbalancer-id right before deleting it.",
    },
  },
  *check(review, cluster) {
    if (review.kind === "Namespace") {
      if (review.operation === "DELETE") yield* goneWithNamespace(review.oldObject, review.name, cluster);
      return;
    }
    const { before, after } = statesOf(review, cluster);
    if (before && (!after || isUnexposedBy(before, after))) yield* gone(before, after, cluster);
    if (after?.type === "LoadBalancer" && isForCcm(after, cluster.isOnAlibabaCloud))
      yield* standing(before, after, cluster.versions);
  },
});

type View = ClusterView<(typeof READS)[number]>;

/** On CREATE there is none before, on DELETE none after. */
interface States {
  readonly before: Exposure | undefined;
  readonly after: Exposure | undefined;
}

function statesOf(review: Review<(typeof EXPOSED_KINDS)[number], Operation>, cluster: View): States {
  if (review.kind === "Service") return eachState(review, (object) => exposureOfService(review, object));
  const services = cluster.list("Service", review.namespace);
  if (review.kind === "IstioGateway")
    return eachState(review, (object) => exposureOfIstioGateway(review, object, services));
  return eachState(review, (object: Kinds["KubernetesGateway"]) =>
    exposureOfKubernetesGateway(review, object, services),
  );
}

function eachState<K extends (typeof EXPOSED_KINDS)[number]>(
  review: ReviewOf<K>,
  read: (object: Kinds[K]) => Exposure,
): States {
  return {
    before: review.operation === "CREATE" ? undefined : read(review.oldObject),
    after: review.operation === "DELETE" ? undefined : read(review.object),
  };
}

function isUnexposedBy({ type }: Exposure, after: Exposure): boolean {
  const isExposed = type === "LoadBalancer";
  return isExposed && after.type !== undefined && after.type !== "LoadBalancer";
}

/** By a deletion, or by a change of the type. */
function* gone(before: Exposure, after: Exposure | undefined, cluster: View) {
  const isCcms = isForCcm(before, cluster.isOnAlibabaCloud);
  if (!isBalanced(before, isCcms)) return;
  const object = titleOf(before);
  const type = after?.type ?? "";
  const change = after ? `Type ${type} of ${object}` : `Deleting ${object}`;
  const field = after?.typeField ?? NAME;
  const loadBalancer = phraseOf(before);
  if (!isCcms) {
    const addresses = (before.loadBalancer?.addresses ?? []).join(", ");
    if (addresses !== "") yield { message: "goesOnOtherCloud", field, data: { change, addresses } } as const;
    return;
  }
  if (!after) yield* markersOf(before, cluster.versions);
  if (isKeptByCcm(after ?? before, cluster.versions)) return;
  const owner = decidingOwner(before, cluster);
  const command = keepCommand([before], cluster.versions);
  if (owner !== undefined)
    yield { message: "goesWithOwner", field, data: { change, loadBalancer, owner } } as const;
  else if (after)
    yield { message: "goesWithType", field, data: { type, object, loadBalancer, command } } as const;
  else yield { message: "goesWithObject", field, data: { object, loadBalancer, command } } as const;
}

/** CCM makes one for every Service of the type; it may not have written its id and address yet, or to where nobody looks. */
function isBalanced({ loadBalancer, service }: Exposure, isCcms: boolean): boolean {
  return loadBalancer !== undefined || (isCcms && service?.spec?.type === "LoadBalancer");
}

const NAME = ["metadata", "name"];

/** `load balancer lb-2ze1 (192.0.2.1)`. */
function phraseOf({ loadBalancer, settings, service }: Exposure): string {
  const known = loadBalancer ? describeLoadBalancer(loadBalancer) : "";
  const annotations = { ...service?.metadata?.annotations, ...settings };
  const isProtected = ccmSetting(annotations, "delete-protection")?.value === "on";
  const name = known === "" ? "the load balancer that was made for it" : `load balancer ${known}`;
  return isProtected ? `${name}, delete protection or not` : name;
}

/** The owner that is gone, or wants no load balancer: there it was decided. */
function decidingOwner({ kind, namespace, service }: Exposure, cluster: View): string | undefined {
  if (kind !== "Service") return undefined;
  for (const { apiVersion = "", kind: ownerKind = "", name = "" } of service?.metadata?.ownerReferences ??
    []) {
    const known = OWNER_KINDS.get(`${groupOf(apiVersion)}/${ownerKind}`);
    if (known && isOver(known, namespace, name, cluster)) return `${ownerKind} ${name}`;
  }
  return undefined;
}

type OwnerKind = "IstioGateway" | "KubernetesGateway";
const OWNER_KINDS: ReadonlyMap<string, OwnerKind> = new Map<string, OwnerKind>([
  ["istio.alibabacloud.com/IstioGateway", "IstioGateway"],
  ["gateway.networking.k8s.io/Gateway", "KubernetesGateway"],
]);

function isOver(kind: OwnerKind, namespace: string, name: string, cluster: View): boolean {
  const owner = cluster.get(kind, namespace, name);
  // What is not served here may well be there, in the other plane.
  if (!owner) return cluster.serves(kind) === true;
  if (owner.metadata?.deletionTimestamp !== undefined) return true;
  const type = typeWanted(kind, namespace, name, cluster);
  return type !== undefined && type !== "LoadBalancer";
}

function typeWanted(kind: OwnerKind, namespace: string, name: string, cluster: View): string | undefined {
  const place = { kind, namespace, name };
  if (kind === "IstioGateway")
    return exposureOfIstioGateway(place, cluster.get(kind, namespace, name) ?? {}, []).type;
  return exposureOfKubernetesGateway(place, cluster.get(kind, namespace, name) ?? {}, []).type;
}

/** A namespace with more of them is no one's to delete without having looked. */
const MAX_NAMED = 3;

function* goneWithNamespace(object: Kinds["Namespace"], namespace: string, cluster: View) {
  const exposures = exposuresIn(object, namespace, cluster);
  const { ccms = [], others = [] } = Object.groupBy(exposures, (one) =>
    isForCcm(one, cluster.isOnAlibabaCloud) ? "ccms" : "others",
  );
  const lost = ccms.filter((one) => isBalanced(one, true) && !isKeptByCcm(one, cluster.versions));
  const command = keepCommand(lost, cluster.versions);
  const loadBalancers = shorten(lost.map((one) => nameOf(one)));
  if (lost.length > 0)
    yield { message: "goesWithNamespace", field: NAME, data: { namespace, loadBalancers, command } } as const;
  const addresses = shorten(others.flatMap(({ loadBalancer }) => loadBalancer?.addresses ?? []));
  const change = `Deleting namespace ${namespace}`;
  if (addresses !== "")
    yield { message: "goesOnOtherCloud", field: NAME, data: { change, addresses } } as const;
}

/**
 * IstioGateways with their Services, and all other Services. Where the mesh has an API server of its own, the Services go with
 * the cluster's namespace, and ASM's controller deletes those of gateways that go with the mesh's.
 */
function exposuresIn(object: Kinds["Namespace"], namespace: string, cluster: View): readonly Exposure[] {
  const services = cluster.list("Service", namespace);
  const gateways = cluster.list("IstioGateway", namespace).map((gateway) => {
    const place = { kind: "IstioGateway", namespace, name: gateway.metadata?.name ?? "" } as const;
    return exposureOfIstioGateway(place, gateway, services);
  });
  const goesItself = cluster.planes.isHeldBy(object, "IstioGateway");
  const affected = gateways.filter(({ service }) => goesItself || service !== undefined);
  const covered = new Set(gateways.map(({ service }) => service));
  const rest = (cluster.planes.isHeldBy(object, "Service") ? services : [])
    .filter((service) => !covered.has(service))
    .map((service) =>
      exposureOfService({ kind: "Service", namespace, name: service.metadata?.name ?? "" }, service),
    );
  return [...affected, ...rest];
}

/** `lb-2ze1 (192.0.2.1) of istio-ingressgateway`. */
function nameOf({ name, service, loadBalancer }: Exposure): string {
  const known = loadBalancer ? describeLoadBalancer(loadBalancer) : "";
  const owner = service?.metadata?.name ?? name;
  return known === "" ? `that of ${owner}` : `${known} of ${owner}`;
}

function shorten(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return `${names.slice(0, MAX_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** What will happen to the load balancer of an object that stays. */
function* standing(before: Exposure | undefined, after: Exposure, versions: Versions) {
  const object = titleOf(after);
  const markers = [...markersOf(after, versions)];
  yield* markers;
  const id = ccmSetting(after.settings, "id");
  const hadId = [before?.settings, before?.service?.metadata?.annotations].some(
    (annotations) => annotations && ccmSetting(annotations, "id"),
  );
  const isOwn = before?.loadBalancer !== undefined && id !== undefined && id.value === before.loadBalancer.id;
  if (isOwn && !hadId && holds("loadBalancersPreserved", versions) !== false) {
    const field = [...after.settingsField, id.key];
    yield { message: "ownIdIsRefused", field, data: { id: id.value, object } } as const;
  }
  const wasToGo = before?.type === "LoadBalancer" && !isKeptByCcm(before, versions);
  // What the marker does not keep has been said with it.
  if (!wasToGo && markers.length === 0 && !isKeptByCcm(after, versions))
    yield { message: "goesLater", field: after.typeField, data: { object } } as const;
}

/** As people write what they mean to switch off. */
const FALSE_VALUES = new Set(["0", "disabled", "f", "false", "n", "no", "off"]);

/** preserve-lb-on-delete that does something else than it says. */
function* markersOf({ settings, settingsField, ...exposure }: Exposure, versions: Versions) {
  const preserve = ccmSetting(settings, "preserve-lb-on-delete");
  if (!preserve || ccmSetting(settings, "id")) return;
  const field = [...settingsField, preserve.key];
  const object = titleOf(exposure);
  const version = versions.ccm?.value ?? "";
  if (holds("loadBalancersPreserved", versions) === false)
    yield { message: "preserveIsNotRead", field, data: { version, object } } as const;
  else if (FALSE_VALUES.has(preserve.value.toLowerCase()))
    yield { message: "anyValueKeeps", field, data: { value: preserve.value, object } } as const;
}
