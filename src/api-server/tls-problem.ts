/** Why an API server's certificate is not accepted, in words that say what to do. */

interface TlsProblem {
  /** Completes "the API server URL ...". */
  readonly what: string;
  readonly hint: string;
}

const UNTRUSTED: TlsProblem = {
  what: "shows a certificate of another CA than the kubeconfig names",
  hint: "Get the kubeconfig anew: certificate-authority-data belongs to another cluster, or to this one before it was made anew.",
};

/** Codes of OpenSSL and Node. Source: Node.js, TLS, X509 certificate error codes. */
const PROBLEMS: Readonly<Record<string, TlsProblem>> = {
  CERT_HAS_EXPIRED: {
    what: "shows a certificate that is expired",
    hint: "Renew the API server's certificate, or set this machine's clock right.",
  },
  CERT_NOT_YET_VALID: {
    what: "shows a certificate that is not valid yet",
    hint: "Set the clock right, of this machine or of the one that made the certificate.",
  },
  CERT_SIGNATURE_FAILURE: UNTRUSTED,
  CERT_UNTRUSTED: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: {
    what: "shows a certificate for other names than this one",
    hint: "Use a server address that is in its certificate, or name one in the kubeconfig's tls-server-name.",
  },
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
};

/** Undefined where the certificate is not what is wrong. */
export function tlsProblemOf(error: unknown): TlsProblem | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error ? PROBLEMS[String(error.code)] : undefined;
  return code ?? tlsProblemOf(error.cause);
}
