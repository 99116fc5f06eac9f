/**
 * What is known about the lookup, each as a case: answered by foresail in the unit tests, and by Istio's own code where Go can
 * build it. First what Istio does step by step, in its order; then what people write and what comes of it.
 */
import type { LookupQuery } from "../../../src/istio/lookup/query.ts";
import { meshConfig, rule, service, serviceEntry, sidecar, virtualService, WEB } from "./meshes.ts";
import type { Put } from "./meshes.ts";

export interface Case {
  readonly name: string;
  readonly mesh: readonly Put[];
  readonly answers: readonly Expected[];
}

/** `"invisible"`: the client does not know the host. Else the rules in the order in which they were merged. */
type Rules = "invisible" | readonly string[];

interface Expected {
  readonly query: LookupQuery;
  readonly rules: Rules;
}

/** Of a sidecar without labels, for shop's Service web, unless said otherwise. */
function gets(clientNamespace: string, rules: Rules, query: Partial<LookupQuery> = {}): Expected {
  return { query: { clientNamespace, clientLabels: {}, proxy: "sidecar", host: WEB, ...query }, rules };
}

const ROOT = "istio-system";
const X = { clientLabels: { app: "x" } };
const GATEWAY = { proxy: "gateway" } as const;
const WAYPOINT = { proxy: "waypoint" } as const;
const selecting = (matchLabels: object) => ({ workloadSelector: { matchLabels } });
const to = (...exportTo: readonly string[]) => ({ exportTo });
const SHOP = service("shop/web");
const BARE = "bare.shop.svc.cluster.local";
const ZERO = "zero.shop.svc.cluster.local";

function routeTo(host: string, port: object): object {
  return { http: [{ route: [{ destination: { host, port } }] }] };
}

/** front's VirtualService, which delegates to team's, which leads to shop's web; with more fields for the route of each. */
function delegation(root: object, own: object): readonly Put[] {
  const toTeam = [{ ...root, delegate: { name: "delegate", namespace: "team" } }];
  const toWeb = [{ ...own, route: [{ destination: { host: WEB } }] }];
  return [
    virtualService("front/root", ["api.example.com"], WEB, { http: toTeam }),
    virtualService("team/delegate", [], WEB, { http: toWeb }),
  ];
}

const TABLES: readonly Case[] = [
  {
    name: "of several rules the oldest comes first",
    mesh: [SHOP, rule("shop/b", WEB, {}, 1), rule("shop/a", WEB, {}, 2)],
    answers: [gets("front", ["shop/b", "shop/a"])],
  },
  {
    name: "equally old rules are in the order of their names",
    mesh: [SHOP, rule("shop/b", WEB), rule("shop/a", WEB)],
    answers: [gets("front", ["shop/a", "shop/b"])],
  },
  {
    name: "a rule with a selector comes before older ones without",
    mesh: [SHOP, rule("shop/old", WEB, to("."), 1), rule("shop/young", WEB, selecting({ app: "x" }), 2)],
    answers: [gets("shop", ["shop/young", "shop/old"], X)],
  },
  {
    name: "a short host is a Service of the rule's own namespace",
    mesh: [SHOP, service("front/web"), rule("front/web", "web"), rule("shop/web", "web")],
    answers: [
      gets("front", ["shop/web"]),
      gets("front", ["front/web"], { host: "web.front.svc.cluster.local" }),
    ],
  },
  {
    name: "a host with a dot is taken as it is written",
    mesh: [SHOP, rule("shop/two", "web.shop"), rule("shop/three", "web.shop.svc")],
    answers: [gets("front", []), gets("shop", [])],
  },
  {
    name: "a selector, even an empty one, makes a rule private whatever exportTo says",
    mesh: [SHOP, rule("shop/web", WEB, { workloadSelector: {}, exportTo: ["*"] })],
    answers: [gets("shop", ["shop/web"]), gets("front", [])],
  },
  {
    name: "a rule is for its own namespace if exportTo is empty, or holds *, a dot or the namespace",
    mesh: [
      SHOP,
      rule("a/web", WEB),
      rule("b/web", WEB, to("*")),
      rule("c/web", WEB, to(".", "x")),
      rule("d/web", WEB, to("d", "x")),
      rule("e/web", WEB, to("x")),
    ],
    answers: [
      gets("a", ["a/web"]),
      gets("b", ["b/web"]),
      gets("c", ["c/web"]),
      gets("d", ["d/web"]),
      gets("e", []),
      gets("x", []),
    ],
  },
  {
    name: "a dot alone, or the own namespace alone, makes a rule private",
    mesh: [SHOP, service("store/web"), rule("shop/web", WEB, to(".")), rule("store/web", "web", to("store"))],
    answers: [
      gets("shop", ["shop/web"]),
      gets("front", []),
      gets("front", [], { host: "web.store.svc.cluster.local" }),
    ],
  },
  {
    name: "the mesh's default of a dot makes rules without exportTo private",
    mesh: [meshConfig({ defaultDestinationRuleExportTo: ["."] }), SHOP, rule("shop/web", WEB)],
    answers: [gets("shop", ["shop/web"]), gets("front", [])],
  },
  {
    name: "a dot anywhere in the mesh's default counts as a dot alone",
    mesh: [meshConfig({ defaultDestinationRuleExportTo: [".", "front"] }), SHOP, rule("shop/web", WEB)],
    answers: [gets("shop", ["shop/web"]), gets("front", [])],
  },
  {
    name: "names in the mesh's default count for nothing",
    mesh: [meshConfig({ defaultDestinationRuleExportTo: ["front"] }), SHOP, rule("shop/web", WEB)],
    answers: [gets("other", ["shop/web"])],
  },
  {
    name: "a ~ in the mesh's default counts for nothing",
    mesh: [meshConfig({ defaultDestinationRuleExportTo: ["~"] }), SHOP, rule("shop/web", WEB)],
    answers: [gets("front", ["shop/web"])],
  },
];

const MERGING: readonly Case[] = [
  {
    name: "rules for one host that are exported alike become one, under the first's policy",
    mesh: [
      SHOP,
      rule("shop/a", WEB, { ...to("*"), subsets: [{ name: "v1", labels: { v: "1" } }] }, 1),
      rule(
        "shop/b",
        WEB,
        {
          ...to("*"),
          subsets: [
            { name: "v1", labels: { v: "not this" } },
            { name: "v2", labels: { v: "2" } },
          ],
          trafficPolicy: { tls: { mode: "ISTIO_MUTUAL" } },
        },
        2,
      ),
    ],
    answers: [gets("front", ["shop/a", "shop/b"])],
  },
  {
    name: "a top-level policy is taken whole or not at all",
    mesh: [
      SHOP,
      rule("shop/a", WEB, { trafficPolicy: { tls: { mode: "SIMPLE" } } }, 1),
      rule("shop/b", WEB, { trafficPolicy: { outlierDetection: { consecutive5xxErrors: 3 } } }, 2),
    ],
    answers: [gets("front", ["shop/a", "shop/b"])],
  },
  {
    name: "a younger rule that is exported to more is swallowed, and nobody else gets it",
    mesh: [SHOP, rule("shop/a", WEB, to("front"), 1), rule("shop/b", WEB, to("front", "more"), 2)],
    answers: [gets("front", ["shop/a", "shop/b"]), gets("more", [])],
  },
  {
    name: "a younger rule that is exported to less stays apart, and wins where both reach",
    mesh: [SHOP, rule("shop/a", WEB, to("front", "more"), 1), rule("shop/b", WEB, to("front"), 2)],
    answers: [gets("front", ["shop/b"]), gets("more", ["shop/a"])],
  },
  {
    name: "a third rule joins the first and still wins",
    mesh: [
      SHOP,
      rule("shop/a", WEB, to("front"), 1),
      rule("shop/b", WEB, to("more"), 2),
      rule("shop/c", WEB, to("front"), 3),
    ],
    answers: [gets("front", ["shop/c"]), gets("more", ["shop/b"])],
  },
  {
    name: "two rules whose selectors differ stay apart",
    mesh: [
      SHOP,
      rule("front/x", WEB, selecting({ app: "x" }), 1),
      rule("front/y", WEB, selecting({ app: "y" }), 2),
    ],
    answers: [
      gets("front", ["front/x"], X),
      gets("front", ["front/y"], { clientLabels: { app: "y" } }),
      gets("front", []),
    ],
  },
  {
    name: "two rules with the same selector become one",
    mesh: [
      SHOP,
      rule("front/a", WEB, selecting({ app: "x" }), 1),
      rule("front/b", WEB, selecting({ app: "x" }), 2),
    ],
    answers: [gets("front", ["front/a", "front/b"], X)],
  },
  {
    name: "rules for different hosts never merge",
    mesh: [SHOP, rule("shop/a", WEB, {}, 1), rule("shop/b", "*.shop.svc.cluster.local", {}, 2)],
    answers: [gets("front", ["shop/a"])],
  },
  {
    name: "rules of different namespaces never merge",
    mesh: [SHOP, rule("shop/web", WEB, {}, 1), rule(`${ROOT}/web`, WEB, {}, 2)],
    answers: [gets("front", ["shop/web"])],
  },
];

const STEPS: readonly Case[] = [
  {
    name: "the client's namespace comes first, then the service's, then the root namespace",
    mesh: [SHOP, rule("front/web", WEB), rule("shop/web", WEB), rule(`${ROOT}/web`, WEB)],
    answers: [gets("front", ["front/web"]), gets("shop", ["shop/web"]), gets("other", ["shop/web"])],
  },
  {
    name: "any match in the client's namespace ends the lookup, even if it selects somebody else",
    mesh: [SHOP, rule("front/web", WEB, selecting({ app: "x" })), rule("shop/web", WEB)],
    answers: [gets("front", ["front/web"], X), gets("front", [])],
  },
  {
    name: "proxies of the root namespace meet only its private rules first",
    mesh: [
      SHOP,
      rule(`${ROOT}/all`, "*.local", to("*")),
      rule(`${ROOT}/own`, "*.com", to(".")),
      serviceEntry("shop/api", ["api.example.com"]),
      rule("shop/web", WEB),
      rule("shop/api", "api.example.com"),
    ],
    answers: [
      gets(ROOT, ["shop/web"], GATEWAY),
      gets(ROOT, [`${ROOT}/own`], { ...GATEWAY, host: "api.example.com" }),
      gets("front", ["shop/api"], { host: "api.example.com" }),
    ],
  },
  {
    name: "the root namespace is the mesh configuration's",
    mesh: [meshConfig({ rootNamespace: "mesh" }), SHOP, rule("mesh/all", "*"), rule(`${ROOT}/web`, WEB)],
    answers: [gets("front", ["mesh/all"]), gets(ROOT, [`${ROOT}/web`])],
  },
  {
    name: "a dot in a longer list counts for nothing where others look",
    mesh: [SHOP, rule("shop/web", WEB, to(".", "front"))],
    answers: [gets("shop", ["shop/web"]), gets("front", ["shop/web"]), gets("other", [])],
  },
  {
    name: "the same host is more specific than any wildcard, and of wildcards the longest",
    mesh: [
      SHOP,
      service("shop/api"),
      rule("shop/a", "*"),
      rule("shop/b", "*.local"),
      rule("shop/c", "*.shop.svc.cluster.local"),
      rule("shop/d", WEB),
    ],
    answers: [gets("front", ["shop/d"]), gets("front", ["shop/c"], { host: "api.shop.svc.cluster.local" })],
  },
  {
    name: "a wildcard matches in the middle of a label",
    mesh: [
      SHOP,
      rule("shop/part", "*eb.shop.svc.cluster.local"),
      rule("shop/all", "*.shop.svc.cluster.local"),
    ],
    answers: [gets("front", ["shop/part"])],
  },
  {
    name: "a wildcard service is matched by the same or a wider wildcard only",
    mesh: [
      serviceEntry("shop/all", ["*.example.com"]),
      rule("shop/narrow", "*.api.example.com"),
      rule("shop/exact", "api.example.com"),
      rule("shop/wide", "*.com"),
    ],
    answers: [gets("front", ["shop/wide"], { host: "*.example.com" })],
  },
  {
    name: "case counts, and so does a trailing dot",
    mesh: [SHOP, rule("shop/upper", "WEB.shop.svc.cluster.local"), rule("shop/dot", `${WEB}.`)],
    answers: [gets("front", []), gets("shop", [])],
  },
  {
    name: "the most specific host is chosen before it is seen to whom it is exported",
    mesh: [SHOP, rule("shop/all", "*.shop.svc.cluster.local"), rule("shop/web", WEB, to("elsewhere"))],
    answers: [gets("front", []), gets("elsewhere", ["shop/web"]), gets("shop", ["shop/all"])],
  },
  {
    name: "a service namespace's rules for others let the root namespace's through",
    mesh: [SHOP, rule("shop/web", WEB, to("elsewhere")), rule(`${ROOT}/all`, "*.local")],
    answers: [gets("front", [`${ROOT}/all`]), gets("elsewhere", ["shop/web"])],
  },
];

const SCOPES: readonly Case[] = [
  {
    name: "without a Service or ServiceEntry there is no lookup",
    mesh: [rule("front/web", WEB)],
    answers: [gets("front", "invisible")],
  },
  {
    name: "the annotation says who sees a Service; * wins over all, and ~ over names",
    mesh: [
      service("shop/web", "front"),
      service("shop/all", "~, *"),
      service("shop/none", "~,front"),
      service("shop/own", "."),
    ],
    answers: [
      gets("front", []),
      gets("shop", "invisible"),
      gets("front", [], { host: "all.shop.svc.cluster.local" }),
      gets("front", "invisible", { host: "none.shop.svc.cluster.local" }),
      gets("shop", [], { host: "own.shop.svc.cluster.local" }),
      gets("front", "invisible", { host: "own.shop.svc.cluster.local" }),
    ],
  },
  {
    name: "the mesh's default says who sees a Service that does not say it itself",
    mesh: [meshConfig({ defaultServiceExportTo: ["."] }), SHOP, rule("shop/web", WEB)],
    answers: [gets("shop", ["shop/web"]), gets("front", "invisible")],
  },
  {
    name: "a Sidecar narrows what its namespace sees, for gateways not",
    mesh: [SHOP, rule("shop/web", WEB), sidecar("front/default", ["./*"])],
    answers: [
      gets("front", "invisible"),
      gets("front", ["shop/web"], GATEWAY),
      gets("front", ["shop/web"], WAYPOINT),
      gets("other", ["shop/web"]),
    ],
  },
  {
    name: "a Sidecar with a selector comes before older ones without",
    mesh: [
      SHOP,
      sidecar("front/old", ["./*"], {}, 1),
      sidecar("front/young", ["*/*"], { workloadSelector: { labels: { app: "x" } } }, 2),
    ],
    answers: [gets("front", [], X), gets("front", "invisible")],
  },
  {
    name: "the root namespace's Sidecar without a selector is for namespaces without their own",
    mesh: [SHOP, sidecar(`${ROOT}/default`, ["./*"]), sidecar("front/own", ["*/*"])],
    answers: [gets("other", "invisible"), gets("front", []), gets("shop", [])],
  },
  {
    name: "the root namespace's Sidecar with a selector is for nobody else",
    mesh: [SHOP, sidecar(`${ROOT}/some`, ["./*"], { workloadSelector: { labels: {} } })],
    answers: [gets("front", []), gets(ROOT, "invisible")],
  },
  {
    name: "a Sidecar's host with ~ takes away what another one brings",
    mesh: [SHOP, service("shop/api"), sidecar("front/default", ["shop/*", `~shop/${WEB}`])],
    answers: [gets("front", "invisible"), gets("front", [], { host: "api.shop.svc.cluster.local" })],
  },
  {
    name: "a Sidecar whose hosts are all exact reads past a ~ beside a name",
    mesh: [
      service("shop/web", "~,front,side"),
      sidecar("front/default", [`shop/${WEB}`]),
      sidecar("side/default", [`shop/${WEB}`, "other/*"]),
    ],
    answers: [gets("front", []), gets("side", "invisible")],
  },
  {
    name: "a VirtualService's destinations are added to a limited scope",
    mesh: [
      SHOP,
      rule("shop/web", WEB),
      sidecar("front/default", ["./*"]),
      virtualService("front/routes", ["api.example.com"], WEB),
    ],
    answers: [gets("front", ["shop/web"]), gets("other", ["shop/web"])],
  },
  {
    name: "a destination's port that the Service does not have adds nothing, except if it has no ports at all",
    mesh: [
      service("shop/web", undefined, { ports: [{ name: "http", port: 80 }] }),
      service("shop/bare", undefined, { type: "ExternalName", externalName: "api.example.com" }),
      service("shop/zero", undefined, { ports: [{ name: "http", port: 80 }] }),
      sidecar("front/default", ["./*"]),
      virtualService("front/web", ["a.example.com"], WEB, routeTo(WEB, { number: 8080 })),
      virtualService("front/bare", ["b.example.com"], BARE, routeTo(BARE, { number: 8080 })),
      virtualService("front/zero", ["c.example.com"], ZERO, routeTo(ZERO, {})),
    ],
    answers: [
      gets("front", "invisible"),
      gets("front", [], { host: BARE }),
      gets("front", [], { host: ZERO }),
    ],
  },
  {
    name: "what a VirtualService delegates to counts as its own",
    mesh: [SHOP, sidecar("front/default", ["./*"]), ...delegation({}, {})],
    answers: [gets("front", [])],
  },
  {
    name: "a delegate's route counts for nothing whose match is not within the root's",
    mesh: [
      SHOP,
      sidecar("front/default", ["./*"]),
      ...delegation({ match: [{ uri: { prefix: "/a" } }] }, { match: [{ uri: { prefix: "/" } }] }),
    ],
    answers: [gets("front", "invisible")],
  },
  {
    name: "a gateway's short name is one of the VirtualService's own namespace, in delegates too",
    mesh: [
      SHOP,
      sidecar("front/default", ["./*"]),
      ...delegation({ match: [{ gateways: ["edge"] }] }, { match: [{ gateways: ["edge"] }] }),
    ],
    answers: [gets("front", "invisible")],
  },
  {
    name: "a gateway is the same one under its full name",
    mesh: [
      SHOP,
      sidecar("front/default", ["./*"]),
      ...delegation(
        { match: [{ gateways: ["edge"] }] },
        { match: [{ gateways: ["edge.front.svc.cluster.local"] }] },
      ),
    ],
    answers: [gets("front", [])],
  },
  {
    name: "of several owners of a hostname a sidecar takes its own namespace's",
    mesh: [
      serviceEntry("a/api", ["api.example.com"], {}, 1),
      serviceEntry("b/api", ["api.example.com"], {}, 2),
      rule("a/api", "api.example.com"),
      rule("b/api", "api.example.com", to("*", "b")),
    ],
    answers: [
      gets("b", ["b/api"], { host: "api.example.com" }),
      gets("c", ["a/api"], { host: "api.example.com" }),
    ],
  },
  {
    name: "a Kubernetes Service owns its hostname before any ServiceEntry",
    mesh: [
      serviceEntry("a/web", [WEB], {}, 1),
      service("shop/web", undefined, {}, 2),
      rule("a/web", WEB),
      rule("shop/web", WEB),
    ],
    answers: [gets("front", ["shop/web"]), gets("front", ["shop/web"], GATEWAY), gets("a", ["a/web"])],
  },
  {
    name: "among ServiceEntries one that is exported by name comes before an older public one",
    mesh: [
      serviceEntry("a/api", ["api.example.com"], {}, 1),
      serviceEntry("b/api", ["api.example.com"], to("front"), 2),
      rule("a/api", "api.example.com"),
      rule("b/api", "api.example.com"),
    ],
    answers: [
      gets("front", ["b/api"], { host: "api.example.com" }),
      gets("other", ["a/api"], { host: "api.example.com" }),
    ],
  },
  {
    name: "a gateway does not prefer its own namespace's owner",
    mesh: [
      serviceEntry("a/api", ["api.example.com"], {}, 1),
      serviceEntry("b/api", ["api.example.com"], {}, 2),
      rule("a/api", "api.example.com"),
      rule("b/api", "api.example.com", to("elsewhere")),
    ],
    answers: [
      gets("b", ["a/api"], { ...GATEWAY, host: "api.example.com" }),
      gets("b", [], { host: "api.example.com" }),
    ],
  },
  {
    name: "for an ExternalName Service a rule is found, though it applies to nothing",
    mesh: [
      service("shop/web", undefined, { type: "ExternalName", externalName: "api.example.com" }),
      rule("shop/web", WEB),
    ],
    answers: [gets("front", ["shop/web"])],
  },
  {
    name: "a headless Service is a Service as any",
    mesh: [service("shop/web", undefined, { clusterIP: "None" }), rule("shop/web", WEB)],
    answers: [gets("front", ["shop/web"]), gets("front", "invisible", { host: `web-0.${WEB}` })],
  },
];

const CHOICE: readonly Case[] = [
  {
    name: "an empty selector takes every workload of its namespace",
    mesh: [SHOP, rule("front/web", WEB, { workloadSelector: {} })],
    answers: [gets("front", ["front/web"]), gets("front", ["front/web"], X)],
  },
  {
    name: "without a selector that matches the last entry without one is taken",
    mesh: [
      SHOP,
      rule("front/a", WEB, to("*"), 1),
      rule("front/b", WEB, {}, 2),
      rule("front/x", WEB, selecting({ app: "x" }), 3),
    ],
    answers: [gets("front", ["front/b"]), gets("front", ["front/x"], X)],
  },
  {
    name: "a waypoint's clusters know no selectors",
    mesh: [SHOP, rule("shop/x", WEB, selecting({ app: "x" })), rule("shop/all", WEB)],
    answers: [gets("shop", ["shop/x"], X), gets("shop", ["shop/all"], { ...WAYPOINT, ...X })],
  },
  {
    name: "a gateway's labels count for selectors",
    mesh: [SHOP, rule("edge/web", WEB, selecting({ app: "x" }))],
    answers: [gets("edge", ["edge/web"], { ...GATEWAY, ...X }), gets("edge", [], GATEWAY)],
  },
];

const WRITTEN: readonly Case[] = [
  {
    name: "exporting a rule that stands in the client's namespace adds nothing",
    mesh: [SHOP, rule("front/all", WEB, to("*")), rule("side/web", WEB, to("side", "front", "other"))],
    answers: [gets("front", ["front/all"]), gets("side", ["side/web"]), gets("other", []), gets("shop", [])],
  },
  {
    name: "a service's rule that is exported to a client only is lost to the service's own proxies",
    mesh: [SHOP, rule("shop/web", WEB, to("front"))],
    answers: [gets("front", ["shop/web"]), gets("shop", []), gets("shop", [], WAYPOINT)],
  },
  {
    name: "a dot and a name in the root namespace: its own gateways lose the rule",
    mesh: [SHOP, rule(`${ROOT}/web`, WEB, to(".", "front"))],
    answers: [gets(ROOT, [], GATEWAY), gets("front", [`${ROOT}/web`]), gets("other", [])],
  },
  {
    name: "the root namespace's name and another: both keep the rule",
    mesh: [SHOP, rule(`${ROOT}/web`, WEB, to(ROOT, "front"))],
    answers: [gets(ROOT, [`${ROOT}/web`], GATEWAY), gets("front", [`${ROOT}/web`])],
  },
  {
    name: "a dot in the root namespace: its own proxies only",
    mesh: [SHOP, rule(`${ROOT}/web`, WEB, to("."))],
    answers: [gets(ROOT, [`${ROOT}/web`], GATEWAY), gets("front", [])],
  },
  {
    name: "a dot in the service's namespace: clients and waypoints there only",
    mesh: [SHOP, rule("shop/web", WEB, to("."))],
    answers: [
      gets("shop", ["shop/web"]),
      gets("shop", ["shop/web"], WAYPOINT),
      gets("front", []),
      gets("front", [], WAYPOINT),
    ],
  },
  {
    name: "a rule exported to ~ is dead, and hides wider hosts of its namespace from others",
    mesh: [SHOP, rule("shop/none", WEB, to("~")), rule("shop/all", "*.shop.svc.cluster.local")],
    answers: [gets("front", []), gets("shop", ["shop/all"])],
  },
  {
    name: "a dot beside the namespace's own name is not private",
    mesh: [SHOP, rule("shop/web", WEB, to(".", "shop"))],
    answers: [gets("shop", ["shop/web"]), gets("front", [])],
  },
  {
    name: "a star beside names is a star",
    mesh: [SHOP, rule("shop/web", WEB, to("front", "*"))],
    answers: [gets("other", ["shop/web"]), gets("shop", ["shop/web"])],
  },
  {
    name: "a short host beside the client means the client's own Service",
    mesh: [SHOP, rule("front/web", "web")],
    answers: [gets("front", []), gets("front", "invisible", { host: "web.front.svc.cluster.local" })],
  },
  {
    name: "a half-long host is dead unless a ServiceEntry has it",
    mesh: [SHOP, serviceEntry("shop/half", ["web.shop"]), rule("shop/half", "web.shop")],
    answers: [gets("front", []), gets("front", ["shop/half"], { host: "web.shop" })],
  },
  {
    name: "a wildcard in the service's namespace is for its services only",
    mesh: [SHOP, service("store/web"), rule("shop/all", "*.local")],
    answers: [gets("front", ["shop/all"]), gets("front", [], { host: "web.store.svc.cluster.local" })],
  },
  {
    name: "a wildcard in a third namespace is for its own proxies only",
    mesh: [SHOP, rule("third/all", "*.shop.svc.cluster.local", to("*")), rule("third/any", "*")],
    answers: [gets("third", ["third/all"]), gets("front", []), gets("shop", [])],
  },
  {
    name: "a wildcard in the client's namespace silences every rule of the service and of the root",
    mesh: [SHOP, rule("front/all", "*.local"), rule("shop/web", WEB), rule(`${ROOT}/web`, WEB)],
    answers: [gets("front", ["front/all"]), gets("other", ["shop/web"])],
  },
  {
    name: "the service's namespace of a ServiceEntry's host is the ServiceEntry's",
    mesh: [
      serviceEntry("egress/api", ["api.example.com"], to("front", "egress")),
      rule("egress/api", "api.example.com"),
      rule("other/api", "api.example.com", to("*")),
    ],
    answers: [
      gets("front", ["egress/api"], { host: "api.example.com" }),
      gets("other", "invisible", { host: "api.example.com" }),
    ],
  },
  {
    name: "an exact host or a narrower wildcard below a wildcard ServiceEntry is dead",
    mesh: [
      serviceEntry("shop/all", ["*.example.com"]),
      rule("shop/exact", "api.example.com"),
      rule("shop/narrow", "*.api.example.com"),
    ],
    answers: [
      gets("front", [], { host: "*.example.com" }),
      gets("front", "invisible", { host: "api.example.com" }),
    ],
  },
  {
    name: "a short host in upper case is dead as well",
    mesh: [SHOP, rule("shop/web", "Web")],
    answers: [gets("shop", []), gets("front", [])],
  },
  {
    name: "an IP address is no Service of the namespace",
    mesh: [SHOP, serviceEntry("shop/ip", ["10.0.0.1"]), rule("shop/ip", "10.0.0.1")],
    answers: [gets("front", []), gets("front", ["shop/ip"], { host: "10.0.0.1" })],
  },
  {
    name: "a selector in the service's or the root namespace is not for clients elsewhere",
    mesh: [
      SHOP,
      rule("shop/x", WEB, selecting({ app: "x" })),
      rule(`${ROOT}/x`, "*", { ...selecting({ app: "x" }), ...to("*") }),
    ],
    answers: [
      gets("front", [], X),
      gets("shop", ["shop/x"], X),
      gets(ROOT, [`${ROOT}/x`], { ...GATEWAY, ...X }),
    ],
  },
  {
    name: "a selector rule beside a catch-all with a dot swallows it",
    mesh: [SHOP, rule("front/x", WEB, selecting({ app: "x" })), rule("front/all", WEB, to("."))],
    answers: [gets("front", ["front/x", "front/all"], X), gets("front", [])],
  },
  {
    name: "a selector rule takes the service owner's rule away from the unselected",
    mesh: [SHOP, rule("front/x", WEB, selecting({ app: "x" })), rule("shop/web", WEB, to("*"))],
    answers: [gets("front", []), gets("front", ["front/x"], X), gets("other", ["shop/web"])],
  },
  {
    name: "no exportTo and a star do not merge: the younger wins whole",
    mesh: [SHOP, rule("shop/old", WEB, {}, 1), rule("shop/young", WEB, to("*"), 2)],
    answers: [gets("front", ["shop/young"]), gets("shop", ["shop/young"])],
  },
  {
    name: "for ambient traffic the waypoint's namespace counts",
    mesh: [SHOP, rule("front/web", WEB), rule("shop/web", WEB, to("."))],
    answers: [
      gets("shop", ["shop/web"], WAYPOINT),
      gets("elsewhere", [], WAYPOINT),
      gets("front", ["front/web"], WAYPOINT),
    ],
  },
];

export const CASES: readonly Case[] = [...TABLES, ...MERGING, ...STEPS, ...SCOPES, ...CHOICE, ...WRITTEN];
