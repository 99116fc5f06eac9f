import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { apiServerOfKubeconfig } from "../../src/api-server/kubeconfig.ts";
import { folderWith } from "../foresail.ts";

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: string;
}

function kubeconfig({ cluster = {}, user = { token: "secret" }, context = "one" }: Parts = {}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: context, cluster: { server: `https://${context}.example.com:6443`, ...cluster } }],
    users: [{ name: context, user }],
    contexts: [{ name: context, context: { cluster: context, user: context } }],
    "current-context": context,
  });
}

describe("of a kubeconfig are taken", () => {
  test("server, certificates, names and token", async (t) => {
    const data = (value: string) => Buffer.from(value).toString("base64");
    const cluster = { "certificate-authority-data": data("ca"), "tls-server-name": "other" };
    const user = { token: "secret", "client-certificate-data": data("cert"), "client-key": "key.pem" };
    const folder = await folderWith(t, { config: kubeconfig({ cluster, user }), "key.pem": "key" });
    const { url, readCredentials } = apiServerOfKubeconfig(join(folder, "config"));
    assert.equal(url, "https://one.example.com:6443");
    assert.deepEqual(await readCredentials(false), {
      headers: { Authorization: "Bearer secret" },
      tls: {
        ca: Buffer.from("ca"),
        cert: Buffer.from("cert"),
        key: Buffer.from("key"),
        servername: "other",
      },
    });
  });

  test("name and password, and whom to stand for", async (t) => {
    const user = { username: "a", password: "b", as: "someone" };
    const cluster = { "insecure-skip-tls-verify": true };
    const folder = await folderWith(t, { config: kubeconfig({ cluster, user }) });
    const { readCredentials } = apiServerOfKubeconfig(join(folder, "config"));
    assert.deepEqual(await readCredentials(false), {
      headers: { "Impersonate-User": "someone", authorization: "Basic YTpi" },
      tls: { rejectUnauthorized: false },
    });
  });

  test("the token that a program prints", async (t) => {
    const status = { token: "printed" };
    const credential = { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status };
    const exec = { apiVersion: credential.apiVersion, command: "echo", args: [JSON.stringify(credential)] };
    const folder = await folderWith(t, { config: kubeconfig({ user: { exec } }) });
    const { readCredentials } = apiServerOfKubeconfig(join(folder, "config"));
    assert.deepEqual((await readCredentials(false)).headers, { Authorization: "Bearer printed" });
  });

  test("the file's new content after a refusal", async (t) => {
    const folder = await folderWith(t, { config: kubeconfig() });
    const { readCredentials } = apiServerOfKubeconfig(join(folder, "config"));
    await writeFile(join(folder, "config"), kubeconfig({ user: { token: "another" } }));
    assert.deepEqual((await readCredentials(false)).headers, { Authorization: "Bearer secret" });
    assert.deepEqual((await readCredentials(true)).headers, { Authorization: "Bearer another" });
  });

  test("what comes first in the files of KUBECONFIG, as kubectl does", async (t) => {
    const folder = await folderWith(t, {
      first: kubeconfig({ user: { token: "first" } }),
      second: kubeconfig({ user: { token: "second" } }),
      third: kubeconfig({ context: "two" }),
    });
    const files = ["missing", "first", "second", "third"].map((name) => join(folder, name));
    setEnvironment(t, { KUBECONFIG: files.join(":") });
    const { url, readCredentials } = apiServerOfKubeconfig(undefined);
    assert.equal(url, "https://one.example.com:6443");
    assert.deepEqual((await readCredentials(false)).headers, { Authorization: "Bearer first" });
  });

  test("those of .kube/config in the home folder", async (t) => {
    const folder = await folderWith(t, { ".kube/config": kubeconfig({ context: "home" }) });
    setEnvironment(t, { KUBECONFIG: "", HOME: folder });
    assert.equal(apiServerOfKubeconfig(undefined).url, "https://home.example.com:6443");
  });
});

describe("a kubeconfig is refused", () => {
  const noServer = kubeconfig({ cluster: { server: "nonsense" } });
  const socks = kubeconfig({ cluster: { "proxy-url": "socks5://127.0.0.1:1080" } });
  const cases: Readonly<Record<string, readonly [text: string, message: RegExp]>> = {
    "that is no YAML": ["a: [", /config cannot be used: unexpected end of the stream/],
    "that is empty": ["", /config cannot be used: /],
    "that is no object": ["null", /config cannot be used: it is no kubeconfig$/],
    "without a current context": [
      "apiVersion: v1\nkind: Config\n",
      /config cannot be used: it has no current-context$/,
    ],
    "whose context is not there": [
      "current-context: x",
      /config cannot be used: the context x has no cluster$/,
    ],
    "whose server is no URL": [noServer, /config cannot be used: the cluster one has no server with a URL$/],
    "behind a proxy of another kind": [socks, /config cannot be used: SOCKS proxies are not supported$/],
  };
  for (const [name, [text, message]] of Object.entries(cases)) {
    test(name, async (t) => {
      const folder = await folderWith(t, { config: text });
      assert.throws(() => apiServerOfKubeconfig(join(folder, "config")), {
        code: "KUBECONFIG_UNREADABLE",
        message,
      });
    });
  }

  test("that is not there", async (t) => {
    const folder = await folderWith(t, {});
    const file = join(folder, "config");
    assert.throws(() => apiServerOfKubeconfig(file), {
      message: `the kubeconfig ${file} cannot be used: there is no file ${file}`,
    });
    setEnvironment(t, { KUBECONFIG: file });
    assert.throws(() => apiServerOfKubeconfig(undefined), {
      message: `there is no kubeconfig: ${file} does not exist`,
    });
  });

  for (const [name, parts, message] of [
    [
      "a file",
      { cluster: { "certificate-authority": "ca.pem" } },
      /of context one .* there is no file .*ca\.pem$/,
    ],
    [
      "a program",
      { user: { exec: { command: "no-such-program" } } },
      /of context one .* spawn no-such-program ENOENT$/,
    ],
  ] as const) {
    test(`whose context names ${name} that is not there`, async (t) => {
      const folder = await folderWith(t, { config: kubeconfig(parts) });
      const { readCredentials } = apiServerOfKubeconfig(join(folder, "config"));
      await assert.rejects(readCredentials(false), { code: "KUBECONFIG_UNREADABLE", message });
    });
  }
});

function setEnvironment(
  t: { after: (restore: () => void) => void },
  values: Readonly<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name];
    process.env[name] = value;
    t.after(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
  }
}
