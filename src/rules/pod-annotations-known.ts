import { isForPeople, isReadOnPods, meantKey } from "../istio/known-keys.ts";
import type { KeyKind } from "../istio/known-keys.ts";
import { formatField } from "../kubernetes/field-path.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import type { Change } from "../kubernetes/json-patch.ts";
import type { Metadata } from "../kubernetes/objects.ts";
import { ownMetadataOf, POD_KINDS, podTemplateOf } from "../kubernetes/pod-template.ts";
import { defineRule } from "./rule.ts";
import type { Finding, Messages } from "./rule.ts";

const MESSAGES = {
  misplaced: {
    text: "{{key}} has no effect on the {{kind}} itself, because Istio reads it on Pods",
    remedy: "Move it to {{place}}.",
  },
  misspelt: {
    text: "{{key}} has no effect, because Istio reads {{meant}}",
    remedy: "Rename it to {{meant}}.",
  },
  notText: {
    text: "{{key}} is {{type}}, so the API server refuses the object",
    remedy: "Write the value as text, in quotes.",
  },
  nullValue: {
    text: "{{key}} has no value, and Istio reads that as an empty text",
    remedy: 'Give it a value, remove it, or write "" if that is meant.',
  },
  wrongMap: {
    text: "{{key}} has no effect among the {{written}}, because Istio reads it among the {{read}}",
    remedy: "Move it to metadata.{{read}} of the Pod.",
  },
} as const satisfies Messages;
type Found = Finding<typeof MESSAGES>;
interface Misspelt {
  readonly message: "misspelt";
  readonly field: FieldPath;
  readonly data: { readonly key: string; readonly meant: string };
}

const MAPS = ["annotations", "labels"] as const;
const OTHER: { readonly [K in KeyKind]: KeyKind } = { annotations: "labels", labels: "annotations" };
const STRAYS = { annotations: "strayAnnotations", labels: "strayLabels" } as const;

export default defineRule({
  id: "pod-annotations-known",
  title: "Istio reads a Pod's annotations and labels as they were meant",
  symptoms: [
    "an annotation for Istio has no effect",
    "sidecar.istio.io annotations on a Deployment are ignored",
    "the sidecar is injected although the annotation says no",
  ],
  why: "Istio passes over keys that it does not know, and looks at a Pod's own metadata only. A misspelt key, or one on the Deployment instead of its Pod template, changes nothing, and nothing says so.",
  remedy: "Write the key as Istio has it, under spec.template.metadata of the workload.",
  notes: [
    "A key is reported if it is within two edits of one that Istio reads on Pods, differs in case or hyphens only, is cut off, or stands in another domain of Istio's. Anything else is nobody's business: there is no finding about an unknown annotation.",
    "The list is the registry of istio.io/api 1.31, with all that some Istio since 1.8 read besides. Alibaba Cloud Service Mesh reads Istio's own keys on Pods; keys in its own domain are never reported.",
    "Annotations of Istio's that only the injector writes are not reported on a workload, and a key that is in its right place as well is not reported in the wrong one.",
  ],
  zh: {
    title: "Istio 按预期读取 Pod 的注解和标签",
    symptoms: [
      "为 Istio 设置的注解不起作用",
      "Deployment 上的 sidecar.istio.io 注解被忽略",
      "注解要求不注入，Sidecar 仍被注入",
    ],
    why: "Istio 会忽略它不认识的键，并且只查看 Pod 自身的元数据。键拼写错误，或写在 Deployment 上而不是其 Pod 模板上，都不会起作用，也没有任何提示。",
    remedy: "使用 Istio 的正确写法，并写在工作负载的 spec.template.metadata 下。",
    notes: [
      "以下情况会报告：与 Istio 在 Pod 上读取的某个键相差不超过两个编辑；只有大小写或连字符不同；被截断；或写在了 Istio 的另一个域名下。除此之外一概不报告：不会提示“未知注解”。",
      "列表来自 istio.io/api 1.31 的注册表，加上自 1.8 以来各版本 Istio 读取过的其他键。阿里云服务网格在 Pod 上读取的是 Istio 自己的键；其自有域名下的键从不报告。",
      "只由注入器写入的注解出现在工作负载上时不报告；如果键在正确的位置上也存在，则不报告错误位置上的那一个。",
    ],
  },
  sources: [
    "Istio, Resource Annotations, https://istio.io/latest/docs/reference/config/annotations/",
    "Istio, Resource Labels, https://istio.io/latest/docs/reference/config/labels/",
    "Istio, the registry of both, https://github.com/istio/api/tree/master/annotation",
    "Alibaba Cloud Service Mesh, Configure a sidecar proxy with annotations, https://www.alibabacloud.com/help/en/asm/user-guide/configure-a-sidecar-proxy-by-adding-resource-annotations",
  ],
  example: {
    bad: `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  annotations: { sidecar.istio.io/inject: "false" }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata:
      labels: { app: web }
      annotations: { sidecar.istio.io/rewriteAppHTTPProbes: "true" }
    spec:
      containers: [{ name: app, image: shop/web:1 }]
`,
    good: `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  selector: { matchLabels: { app: web } }
  template:
    metadata:
      labels: { app: web, sidecar.istio.io/inject: "false" }
      annotations: { sidecar.istio.io/rewriteAppHTTPProbers: "true" }
    spec:
      containers: [{ name: app, image: shop/web:1 }]
`,
  },
  action: "Warn",
  kinds: POD_KINDS,
  operations: ["CREATE", "UPDATE"],
  reads: [],
  gates: [],
  options: {},
  messages: MESSAGES,
  *check({ kind, object }) {
    const pod = podTemplateOf(kind, object);
    yield* checkValues(pod.metadata, [...pod.path, "metadata"]);
    yield* checkPod(pod.metadata, [...pod.path, "metadata"]);
    for (const { path, metadata } of ownMetadataOf(kind, object)) {
      yield* checkValues(metadata, path);
      yield* checkOwn(metadata, path, { kind, pod: pod.metadata, podPath: [...pod.path, "metadata"] });
    }
  },
});

function* checkPod(metadata: Metadata, path: FieldPath): Iterable<Found> {
  const renamed = new Set<string>();
  for (const map of MAPS) {
    for (const [key, value] of Object.entries(metadata[map] ?? {})) {
      const field = [...path, map, key];
      const other = OTHER[map];
      if (isReadOnPods(key, other) && !isReadOnPods(key, map)) {
        if (metadata[other]?.[key] === undefined)
          yield { message: "wrongMap", field, data: { key, written: map, read: other } };
        continue;
      }
      for (const finding of checkSpelling(key, metadata, field)) {
        const { meant } = finding.data;
        // Of several that mean the same, nobody knows which value is wanted.
        const isClear = isReadOnPods(meant, map) && !renamed.has(meant);
        renamed.add(meant);
        const fix = renaming([...path, map], key, meant, value);
        yield isClear ? { ...finding, fix } : finding;
      }
    }
  }
}

function* checkSpelling(key: string, metadata: Metadata, field: FieldPath): Iterable<Misspelt> {
  const meant = meantKey(key);
  if (meant === undefined || MAPS.some((map) => metadata[map]?.[meant] !== undefined)) return;
  yield { message: "misspelt", field, data: { key, meant } };
}

function renaming(map: FieldPath, from: string, to: string, value: string): readonly Change[] {
  return [
    { path: [...map, to], value },
    { path: [...map, from], isRemoved: true },
  ];
}

interface Template {
  readonly kind: string;
  readonly pod: Metadata;
  readonly podPath: FieldPath;
}

function* checkOwn(metadata: Metadata, path: FieldPath, { kind, pod, podPath }: Template): Iterable<Found> {
  for (const map of MAPS) {
    for (const key of Object.keys(metadata[map] ?? {})) {
      const field = [...path, map, key];
      const right = MAPS.filter((one) => isForPeople(key, one));
      const [read] = right.includes(map) ? [map] : right;
      if (read === undefined) yield* checkSpelling(key, metadata, field);
      else if (right.every((one) => pod[one]?.[key] === undefined)) {
        const place = formatField([...podPath, read]);
        yield { message: "misplaced", field, data: { key, kind, place } };
      }
    }
  }
}

/** Of foreign keys, only what the API server refuses: it reads null as an empty text. */
function* checkValues(metadata: Metadata, path: FieldPath): Iterable<Found> {
  for (const map of MAPS) {
    for (const [key, type] of Object.entries(metadata[STRAYS[map]] ?? {})) {
      const field = key === "" ? [...path, map] : [...path, map, key];
      if (type !== "null") yield { message: "notText", field, data: { key: key || map, type } };
      else if (isReadOnPods(key, map)) yield { message: "nullValue", field, data: { key } };
    }
  }
}
