/** Which cloud a cluster runs on. */
import type { Versions } from "../istio/versions.ts";
import type { Store } from "./store.ts";

/** `cn-hangzhou.i-bp1...`, by newer versions of the cloud controller manager `alicloud://cn-hangzhou.i-bp1...`. */
const ALIBABA_PROVIDER_ID = /^(?:alicloud:\/\/)?[a-z]{2}-[a-z0-9-]+\.[a-z]+-[a-z0-9]/;

/** A managed cloud controller manager is not seen; the Nodes that it has registered are. */
export function isOnAlibabaCloud(store: Store, versions: Versions, servesIstioGateway: boolean): boolean {
  return (
    versions.ccm !== undefined ||
    versions.asm !== undefined ||
    servesIstioGateway ||
    store.countOf("IstioGateway") > 0 ||
    ALIBABA_PROVIDER_ID.test(store.detected.providerId ?? providerIdOf(store))
  );
}

/** That of the first Node that has one; "" if none has. */
function providerIdOf(store: Store): string {
  for (const [, name] of store.namesOf("Node")) {
    const { providerID = "" } = store.get("Node", "", name)?.object.spec ?? {};
    if (providerID !== "") return providerID;
  }
  return "";
}
