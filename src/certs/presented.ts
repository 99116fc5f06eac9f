/** The certificate that a server presents, and whether it is accepted. */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect } from "node:tls";

export interface Presented {
  /** Undefined if there was no answer. */
  readonly certificate: X509Certificate | undefined;
  /** Why a client that trusts only these CAs does not go on, or undefined. */
  readonly problem: string | undefined;
}

const TIMEOUT_MS = 5000;

/** Shakes hands as an API server does that calls this host. Never rejects. */
export async function shakeHands(
  { host, port }: { readonly host: string; readonly port: number },
  authorities: readonly X509Certificate[],
): Promise<Presented> {
  const { promise, resolve } = Promise.withResolvers<Presented>();
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const socket = connect({
    host: bare,
    port,
    ca: authorities.map(String),
    ALPNProtocols: ["http/1.1"],
    // Told apart below: what is presented is of interest in any case.
    rejectUnauthorized: false,
    ...(isIP(bare) === 0 ? { servername: bare } : {}),
  });
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
  socket.once("secureConnect", () => {
    const { raw } = socket.getPeerCertificate();
    const certificate = raw === undefined ? undefined : new X509Certificate(raw);
    const { authorized, authorizationError } = socket;
    resolve({ certificate, problem: authorized ? undefined : String(authorizationError) });
  });
  socket.once("error", ({ message }) => resolve({ certificate: undefined, problem: message }));
  const presented = await promise;
  socket.destroy();
  return presented;
}
