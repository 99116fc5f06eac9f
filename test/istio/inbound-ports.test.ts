import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { array, assert as assertProperty, integer, property, string } from "fast-check";
import { exclusionOf, interceptionOf, joinPorts, portsIn } from "../../src/istio/probes/inbound-ports.ts";
import { patchFor } from "../../src/kubernetes/json-patch.ts";
import { readObject } from "../../src/kubernetes/objects.ts";
import { podTemplateOf } from "../../src/kubernetes/pod-template.ts";

const EXCLUDE = "traffic.sidecar.istio.io/excludeInboundPorts";
const INCLUDE = "traffic.sidecar.istio.io/includeInboundPorts";

function templateOf(pod: object) {
  return podTemplateOf("Pod", readObject("Pod", pod));
}

function withInit(args: readonly string[], annotations: object = {}) {
  const initContainers = [
    { name: "first", args: ["-d", "1"] },
    { name: "istio-init", args },
  ];
  return { metadata: { annotations }, spec: { initContainers } };
}

describe("joined ports", () => {
  test("keep what is there, whatever it is, in its order", () => {
    assert.equal(joinPorts([" 9000,8087 ", "*,x", "8087"], [8087, 8000]), "9000,8087,*,x,8000");
    assert.equal(joinPorts(["", ",,"], []), "");
    assert.equal(joinPorts(["08087"], [8087]), "08087");
  });

  test("are the same when joined again", () => {
    assertProperty(
      property(array(string()), array(integer({ min: 1, max: 65_535 })), (lists, ports) => {
        const once = joinPorts(lists, ports);
        assert.equal(joinPorts([once, ...lists], ports), once);
        assert.ok(ports.every((port) => portsIn(once).includes(port)));
      }),
    );
  });
});

function interceptedAs(pod: object, port: number, meshList = "") {
  return interceptionOf(templateOf(pod), { excludeInboundPorts: meshList })(port);
}

describe("interception", () => {
  test("is of every port but the excluded", () => {
    const annotations = { [EXCLUDE]: "9000, 8087" };
    assert.equal(interceptedAs({}, 8087), "byDefault");
    assert.equal(interceptedAs({ metadata: { annotations } }, 8087), "none");
    assert.equal(interceptedAs({ metadata: { annotations } }, 8080), "byDefault");
  });

  test("is as the mesh's list says only where the annotation is not set", () => {
    assert.equal(interceptedAs({}, 8087, "8087"), "none");
    assert.equal(interceptedAs({ metadata: { annotations: { [EXCLUDE]: "" } } }, 8087, "8087"), "byDefault");
  });

  test("is of the ports that the mesh lists, where the Pod lists none", () => {
    const mesh = { includeInboundPorts: "8080", excludeInboundPorts: "8080" };
    const of = (pod: object, port: number) => interceptionOf(templateOf(pod), mesh)(port);
    assert.deepEqual([of({}, 8080), of({}, 8087)], ["asListed", "none"]);
    assert.equal(of({ metadata: { annotations: { [INCLUDE]: "*" } } }, 8087), "byDefault");
    assert.equal(of(withInit(["-b", "8087", "-d", ""]), 8087), "asListed");
  });

  test("is nobody's where the mode is NONE, the nearest to the Pod counting", () => {
    const config = (mode: string) => ({
      metadata: { annotations: { "proxy.istio.io/config": `interceptionMode: ${mode}` } },
    });
    const of = (pod: object, interceptionMode?: string) =>
      interceptionOf(templateOf(pod), interceptionMode === undefined ? {} : { interceptionMode })(8087);
    assert.equal(of({}, "NONE"), "none");
    assert.equal(of(config("NONE")), "none");
    assert.equal(of(config("REDIRECT"), "NONE"), "byDefault");
    assert.equal(of(config("["), "NONE"), "none");
  });

  test("is of the listed ports only, where ports are listed", () => {
    const annotations = { [INCLUDE]: "8080", [EXCLUDE]: "8080" };
    assert.equal(interceptedAs({ metadata: { annotations } }, 8080), "asListed");
    assert.equal(interceptedAs({ metadata: { annotations } }, 8087), "none");
    assert.equal(interceptedAs({ metadata: { annotations: { [INCLUDE]: "" } } }, 8087), "none");
    assert.equal(interceptedAs({ metadata: { annotations: { [INCLUDE]: "*" } } }, 8087), "byDefault");
  });

  test("is what istio-init was told, not what an annotation says later", () => {
    const annotations = { [EXCLUDE]: "8087" };
    assert.equal(
      interceptedAs(withInit(["-b", "*", "-d", "15090,15021,15020"], annotations), 8087),
      "byDefault",
    );
    assert.equal(interceptedAs(withInit(["-b", "*", "-d", "15090,8087"]), 8087), "none");
    assert.equal(interceptedAs(withInit(["--istio-local-exclude-ports=8087"]), 8087), "none");
    assert.equal(interceptedAs(withInit(["-b", "8080", "-d", "15090"]), 8087), "none");
  });

  test("is of nothing in mode NONE", () => {
    const annotations = { "sidecar.istio.io/interceptionMode": "NONE" };
    assert.equal(interceptedAs({ metadata: { annotations } }, 8087), "none");
    const env = [{ name: "ISTIO_META_INTERCEPTION_MODE", value: "NONE" }];
    assert.equal(
      interceptedAs({ spec: { containers: [{ name: "istio-proxy", image: "p", env }] } }, 8087),
      "none",
    );
  });
});

function applied(pod: object, meshList = "", outboundMeshList?: string) {
  return patchFor(pod, exclusionOf(templateOf(pod), [8087], meshList, outboundMeshList)).object;
}

describe("an exclusion", () => {
  test("is the annotation before injection, joined with the mesh's list", () => {
    assert.deepEqual(applied({}, "9090"), { metadata: { annotations: { [EXCLUDE]: "9090,8087" } } });
    const pod = { metadata: { annotations: { [EXCLUDE]: "7000" } } };
    assert.deepEqual(applied(pod, "9090"), { metadata: { annotations: { [EXCLUDE]: "7000,9090,8087" } } });
  });

  test("is istio-init's argument after it, and the annotation without the proxy's ports", () => {
    assert.deepEqual(
      applied(withInit(["istio-iptables", "-d", "15090,15021,9090,15020", "-x", ""])),
      withInit(["istio-iptables", "-d", "15090,15021,9090,15020,8087", "-x", ""], { [EXCLUDE]: "9090,8087" }),
    );
    assert.deepEqual(
      applied(withInit(["--istio-local-exclude-ports=15090"], { [EXCLUDE]: "*" })),
      withInit(["--istio-local-exclude-ports=15090,8087"], { [EXCLUDE]: "*,8087" }),
    );
  });

  test("is the annotation alone with the CNI plugin", () => {
    const spec = { initContainers: [{ name: "istio-validation", args: ["-d", "15090"] }] };
    assert.deepEqual(applied({ spec }), { spec, metadata: { annotations: { [EXCLUDE]: "8087" } } });
  });

  test("is of outbound ports as well where that is wanted", () => {
    const OUTBOUND = "traffic.sidecar.istio.io/excludeOutboundPorts";
    assert.deepEqual(applied({}, "", ""), {
      metadata: { annotations: { [EXCLUDE]: "8087", [OUTBOUND]: "8087" } },
    });
    assert.deepEqual(applied({}, "9090", "9092,8087"), {
      metadata: { annotations: { [EXCLUDE]: "9090,8087", [OUTBOUND]: "9092,8087" } },
    });
    const annotations = { [EXCLUDE]: "8087", [OUTBOUND]: "8087" };
    assert.deepEqual(
      applied(withInit(["-d", "15090"]), "", "9092"),
      withInit(["-d", "15090,8087", "-o", "8087"], annotations),
    );
    assert.deepEqual(
      applied(withInit(["-o", "3306", "-d", "15090"]), "", "9092"),
      withInit(["-o", "3306,8087", "-d", "15090,8087"], { ...annotations, [OUTBOUND]: "3306,8087" }),
    );
  });
});
