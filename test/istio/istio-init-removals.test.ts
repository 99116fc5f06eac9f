import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { removalsOf } from "../../src/istio/removal/istio-init-removals.ts";
import { formatField } from "../../src/kubernetes/field-path.ts";
import { patchFor } from "../../src/kubernetes/json-patch.ts";
import { readObject } from "../../src/kubernetes/objects.ts";
import type { PodSpec } from "../../src/kubernetes/objects.ts";

function specOf(container: object, rest: object = {}): PodSpec {
  const spec = {
    containers: [
      { name: "app", image: "app:1" },
      { name: "cleanup", ...container },
    ],
    ...rest,
  };
  return readObject("Pod", { spec }).spec ?? {};
}

/** The commands found in a shell script. */
function found(script: string): readonly string[] {
  return removalsOf(specOf({ command: ["sh", "-c", script] }), () => undefined).map(({ command }) => command);
}

const REMOVING: Readonly<Record<string, readonly string[]>> = {
  "a prune without the filter": [
    "docker system prune",
    "docker system prune -af",
    "docker system prune --volumes -af",
    "docker container prune -f",
    "docker system prune -af --filter until=24h",
    'docker system prune -af --filter "until=${HOURS}h"',
    "docker system prune -f --filter label!=keep",
    "docker system prune -f --filter=label!=io.kubernetes.container.name=istio-proxy",
    "docker system prune -f --filter label=io.kubernetes.pod.name",
    "podman system prune -f",
    "podman container prune -f",
    "nerdctl -n k8s.io system prune -f",
    "nerdctl container prune -f",
  ],
  "several filters of labels, of which a container must have all": [
    "docker system prune -f --filter label!=keep --filter label!=io.kubernetes.container.name=istio-init",
  ],
  "rm of what a list prints": [
    "docker rm $(docker ps -aq)",
    "docker rm -f `docker ps -a -q`",
    'docker rm -v "$(docker ps --all --quiet)"',
    "docker container rm $(docker container ls -aq)",
    "docker rm $(docker ps -q -f status=exited)",
    "docker rm $(docker ps -aqf 'status=exited')",
    "docker rm $(docker ps -aq --filter exited=0)",
    "docker rm $(docker ps -qf status=exited -f status=dead)",
    "docker rm $(docker ps -aq --no-trunc --format '{{.ID}}')",
    "docker rm $(docker ps -aq -f name=k8s_)",
    "docker rm $(docker ps -aq -f label=io.kubernetes.container.name=istio-init)",
    "docker ps -aq | xargs docker rm",
    "docker ps -aq | xargs -r -n 10 -P4 sudo docker rm -f",
    "docker ps -aq | xargs -I{} docker rm {}",
    "sudo docker ps -aq | sort | xargs --no-run-if-empty docker rm",
    "docker ps -a | grep Exited | awk '{print $1}' | xargs docker rm",
    "docker ps -a | grep 'weeks ago' | cut -d' ' -f1 | xargs docker rm",
    "docker ps -a | awk '/Exited/ {print $1}' | xargs docker rm",
    "docker ps -a | grep 'Exited (' | awk '{print $1}' | xargs docker rm",
    "docker ps -a | grep -iE 'exited|dead' | awk 'NR>1{print $1}' | xargs docker rm",
    "docker ps -a | tail -n +2 | awk '{print $1}' | xargs docker rm",
    "docker rm $(docker ps -a | grep -v CONTAINER | awk '{ print $1 }')",
    "podman rm -a",
    "podman rm -fa",
    "podman rm $(podman ps -aq)",
    "nerdctl rm $(nerdctl ps -aq)",
    "crictl rm $(crictl ps -a -q)",
    "crictl rm $(crictl ps -aq --state Exited)",
    "crictl ps -q --state exited | xargs crictl rm",
    "crictl rm -a",
    "crictl -r unix:///run/containerd/containerd.sock rm --all --force",
    "ctr -n k8s.io c rm $(ctr -n k8s.io c ls -q)",
    "ctr --namespace=k8s.io containers ls -q | xargs ctr -n k8s.io containers delete",
    "k3s crictl rm -a",
  ],
  "a command in other words, places and shells": [
    "/usr/bin/docker system prune -f",
    "docker -H unix:///var/run/docker.sock --log-level=error system prune -f",
    "DOCKER_HOST=unix:///host/docker.sock docker system prune -f",
    "d'ock'er \"system\" pru\\ne -f",
    "docker \\\n  system prune \\\n  --force",
    "docker system prune -f >/dev/null 2>&1 || true",
    "true && docker system prune -f",
    "false || docker system prune -f; date",
    "docker system prune -f &",
    "( cd / ; docker system prune -f )",
    "{ docker system prune -f; }",
    "if df /; then docker system prune -f; fi",
    "while sleep 3600; do docker system prune -f; done",
    "for i in 1 2; do docker system prune -f; done",
    "case $(df /) in *9?%*) docker system prune -f ;; esac",
    "clean() { docker system prune -f; }\nclean",
    'main() { clean; }\nclean() { docker system prune -f; }\nmain "$@"',
    "echo $(docker system prune -f)",
    "freed=$(docker system prune -f | tail -1)",
    'echo "freed: `docker system prune -f`"',
    "yes | docker system prune",
    "sudo -n docker system prune -f",
    "sudo -u root -- docker system prune -f",
    "env -i PATH=/bin docker system prune -f",
    "timeout -k 5 60 docker system prune -f",
    "nice -n 19 ionice -c 3 docker system prune -f",
    "time docker system prune -f",
    "! docker system prune -f",
    "exec docker system prune -f",
    "nohup docker system prune -f",
    "chroot /host docker system prune -f",
    "nsenter -t 1 -m -u -n -i docker system prune -f",
    "nsenter --target=1 --mount -- sh -c 'docker system prune -f'",
    "nsenter -m/proc/1/ns/mnt docker system prune -f",
    "busybox timeout 5 docker system prune -f",
    "bash -ec 'docker system prune -f'",
    'bash -e -o pipefail -c "docker system prune -f"',
    "/bin/sh -xc $'docker system\\tprune -f'",
    "su -c 'docker system prune -f' root",
    "eval docker system prune -f",
    "eval 'docker system prune -f'",
    "sh <<EOF\ndocker system prune -f\nEOF\n",
    "bash -s <<-'EOF'\n\tdocker system prune -f\n\tEOF\n",
    "sh <<< 'docker system prune -f'",
  ],
};

const SILENT: Readonly<Record<string, readonly string[]>> = {
  "the filter is there": [
    'docker system prune -af --filter "label!=io.kubernetes.container.name=istio-init"',
    "docker container prune -f --filter=label!=io.kubernetes.container.name=istio-init",
    "docker system prune -f --filter until=24h --filter 'label!=io.kubernetes.container.name=istio-init'",
    "docker system prune -f --filter label!=io.kubernetes.pod.name",
    "podman system prune -f --filter label!=io.kubernetes.container.name=istio-init",
  ],
  "another filter leaves it out": [
    "docker system prune -f --filter label=stage=build",
    'docker system prune -f --filter "label=com.example.build=$ID"',
    "docker rm $(docker ps -aq -f status=created)",
    "docker rm $(docker ps -aq -f exited=1)",
    "docker rm $(docker ps -aq -f name=ci-runner)",
    "docker rm $(docker ps -aq -f label=io.kubernetes.docker.type=podsandbox)",
    "docker rm $(docker ps -aq -f label=io.kubernetes.container.name=app)",
    "docker rm $(docker ps -aq -f ancestor=maven)",
    "docker ps -a | grep ci-runner | awk '{print $1}' | xargs docker rm",
    "docker ps -a | grep -v istio-init | awk '{print $1}' | xargs docker rm",
    "docker ps -a | grep -v k8s_ | awk '{print $1}' | xargs docker rm",
  ],
  "finished containers stay": [
    "docker rm $(docker ps -q)",
    "docker image prune -af",
    "docker volume prune -f",
    "docker network prune -f",
    "docker builder prune -af",
    "docker buildx prune -f",
    "docker rmi $(docker images -q)",
    "docker system df",
    "docker system prune --help",
    "docker ps -aq",
    "docker stop $(docker ps -aq)",
    "crictl rmi --prune",
    "crictl rmp -a",
    "crictl rm $(crictl ps -q)",
    "ctr -n k8s.io images prune --all",
    "podman image prune -a",
  ],
  "they are not the node's": [
    "docker -H tcp://localhost:2375 system prune -f",
    "DOCKER_HOST=tcp://dind:2375 docker system prune -f",
    "export DOCKER_HOST=ssh://ci@builder\ndocker system prune -f",
    "docker --context builder system prune -f",
    "ssh builder docker system prune -f",
    "nerdctl -n buildkit system prune -f",
    "ctr -n moby c rm $(ctr -n moby c ls -q)",
    "CONTAINERD_NAMESPACE=default ctr c rm $(ctr c ls -q)",
    "podman --url ssh://builder/run/podman.sock system prune -f",
  ],
  "it is not clear": [
    "$DOCKER system prune -f",
    'CMD="docker system prune -f"; $CMD',
    "docker $1 prune",
    "docker system prune $OPTIONS",
    'docker system prune -f --filter "$FILTER"',
    "docker rm old-build",
    'docker rm "$NAME"',
    "docker rm $(cat ids)",
    "docker rm $(docker ps -aq $FILTERS)",
    "docker rm $(docker ps -aql)",
    "docker rm $(docker ps -aq -n 5)",
    "docker ps -aq | head -3 | xargs docker rm",
    "docker ps -aq | while read id; do docker rm $id; done",
    "for id in $(docker ps -aq); do docker rm $id; done",
    "cat ids | xargs docker rm",
    "xargs -a ids docker rm",
    "curl -s https://example.com/clean.sh | sh",
    "docker system prune -f 'unterminated",
    "docker system prune -f ;;",
  ],
  "nothing of it is run": [
    "# docker system prune -f",
    "date # then docker system prune -f",
    "echo docker system prune -f",
    "echo 'docker system prune -f' > /cleanup.sh",
    "printf '%s\\n' \"docker system prune -f\"",
    'echo "docker system prune -f" | sh',
    "echo '0 3 * * * docker system prune -f' | crontab -",
    "cat > /cleanup.sh <<EOF\ndocker system prune -f\nEOF\n",
    ": docker system prune -f",
    "sh -n -c 'docker system prune -f'",
    "command -v docker system prune",
    "unused() { docker system prune -f; }",
    'docker() { echo "$@"; }\ndocker system prune -f',
    "grep 'docker system prune' /var/log/cron",
    "kubectl exec builder -- docker system prune -f",
    "docker-system prune; mydocker system prune",
    "alias clean='docker system prune -f'",
  ],
};

describe("a script removes istio-init by", () => {
  for (const [name, scripts] of Object.entries(REMOVING)) {
    test(name, () => {
      for (const script of scripts) assert.equal(found(script).length, 1, script);
    });
  }
});

describe("a script does not remove istio-init where", () => {
  for (const [name, scripts] of Object.entries(SILENT)) {
    test(name, () => {
      for (const script of scripts) assert.deepEqual(found(script), [], script);
    });
  }
});

interface Expected {
  readonly command: string;
  readonly place: string;
  readonly field: string;
  /** Undefined: there is no fix. */
  readonly fixed?: unknown;
}

function assertRemovals(
  container: object,
  expected: readonly Expected[],
  { rest = {}, configMaps = {} }: { rest?: object; configMaps?: Readonly<Record<string, string>> } = {},
): void {
  const spec = specOf(container, rest);
  const removals = removalsOf(spec, (configMap, key) => configMaps[`${configMap}/${key}`]);
  const shown = removals.map(({ command, place, field, fix }) => {
    const fixed = fix && readObject("Pod", patchFor({ spec }, fix).object).spec;
    const { args, command: words } = fixed?.containers?.[1] ?? {};
    return {
      command,
      place,
      field: formatField(field),
      ...(fix ? { fixed: [words, args].filter((one) => one !== undefined) } : {}),
    };
  });
  assert.deepEqual(shown, expected);
}

const FILTER = "label!=io.kubernetes.container.name=istio-init";
const PRUNE = { command: "docker system prune", place: "container cleanup" };

describe("the filter is put", () => {
  test("behind the words of a command that no shell reads", () => {
    assertRemovals({ command: ["docker", "system", "prune", "-af"] }, [
      {
        ...PRUNE,
        field: "spec.containers[1].command[0]",
        fixed: [["docker", "system", "prune", "-af", "--filter", FILTER]],
      },
    ]);
    assertRemovals({ command: ["timeout", "60", "docker"], args: ["system", "prune"] }, [
      {
        ...PRUNE,
        field: "spec.containers[1].command[2]",
        fixed: [
          ["timeout", "60", "docker"],
          ["system", "prune", "--filter", FILTER],
        ],
      },
    ]);
  });

  test("into a shell's text, behind the command that lacks it", () => {
    const text = "docker image prune -f # first\ndocker system prune -af > /dev/null && date";
    assertRemovals({ command: ["sh", "-c"], args: [text] }, [
      {
        ...PRUNE,
        field: "spec.containers[1].args[0]",
        fixed: [["sh", "-c"], [text.replace("-af >", `-af --filter ${FILTER} >`)]],
      },
    ]);
  });

  test("into a text within another's quotes", () => {
    const text = `nsenter -t 1 -m -- sh -c "docker system prune -f; date" && su -c 'docker system prune' root`;
    const fixed = `nsenter -t 1 -m -- sh -c "docker system prune -f --filter ${FILTER}; date" && su -c 'docker system prune --filter ${FILTER}' root`;
    assertRemovals({ command: ["bash", "-c", text] }, [
      { ...PRUNE, field: "spec.containers[1].command[2]", fixed: [["bash", "-c", fixed]] },
    ]);
  });

  test("into a here-document", () => {
    const text = "sh <<'EOF'\ndate\ndocker system prune -f\nEOF\n";
    assertRemovals({ command: ["bash", "-c", text] }, [
      {
        ...PRUNE,
        field: "spec.containers[1].command[2]",
        fixed: [["bash", "-c", text.replace("-f\n", `-f --filter ${FILTER}\n`)]],
      },
    ]);
  });

  test("everywhere in a text at once", () => {
    const text = "docker system prune -f; podman container prune";
    const fixed = [
      ["sh", "-c", `docker system prune -f --filter ${FILTER}; podman container prune --filter ${FILTER}`],
    ];
    const field = "spec.containers[1].command[2]";
    assertRemovals({ command: ["sh", "-c", text] }, [
      { ...PRUNE, field, fixed },
      { ...PRUNE, command: "podman container prune", field, fixed },
    ]);
  });

  test("nowhere if it would not help, or would take another one's effect", () => {
    const field = "spec.containers[1].command[2]";
    for (const [text, command] of [
      ["docker rm $(docker ps -aq)", "docker rm"],
      ["crictl rm -a", "crictl rm --all"],
      ["nerdctl system prune -f", "nerdctl system prune"],
      ["docker system prune -f --filter label!=keep", "docker system prune"],
      ["eval docker system prune -f", "docker system prune"],
      ["sh -c $'docker system\\tprune'", "docker system prune"],
      ["echo `echo \\`docker system prune -f\\``", "docker system prune"],
    ] as const)
      assertRemovals({ command: ["sh", "-c", text] }, [{ command, place: "container cleanup", field }]);
  });
});

describe("a container runs", () => {
  test("its hooks and probes as well", () => {
    const exec = { command: ["docker", "container", "prune", "-f"] };
    const fields = removalsOf(
      specOf({ lifecycle: { preStop: { exec }, postStart: { exec } }, livenessProbe: { exec } }),
      () => undefined,
    ).map(({ field }) => formatField(field));
    assert.deepEqual(fields, [
      "spec.containers[1].lifecycle.postStart.exec.command[0]",
      "spec.containers[1].lifecycle.preStop.exec.command[0]",
      "spec.containers[1].livenessProbe.exec.command[0]",
    ]);
  });

  test("arguments alone through the image's entrypoint, which can be docker's", () => {
    const field = "spec.containers[1].args[0]";
    const fixed = [["system", "prune", "-f", "--filter", FILTER]];
    assertRemovals({ image: "docker:27-cli", args: ["system", "prune", "-f"] }, [{ ...PRUNE, field, fixed }]);
    assertRemovals({ image: "mydocker:1", args: ["system", "prune", "-f"] }, []);
    assertRemovals({ image: "tools:1", args: ["docker", "system", "prune", "-f"] }, [
      { ...PRUNE, field, fixed: [["docker", "system", "prune", "-f", "--filter", FILTER]] },
    ]);
  });

  test("what Kubernetes makes of $(NAME) and $$", () => {
    const env = [
      { name: "WHAT", value: "system" },
      { name: "SECRET", valueFrom: { secretKeyRef: { name: "a", key: "b" } } },
    ];
    const field = "spec.containers[1].command[0]";
    const command = ["docker", "$(WHAT)", "prune"];
    assertRemovals({ env, command }, [{ ...PRUNE, field, fixed: [[...command, "--filter", FILTER]] }]);
    assertRemovals({ env, command: ["docker", "$(SECRET)", "prune"] }, []);
    assertRemovals({ env, command: ["docker", "$$(WHAT)", "prune"] }, []);
    const text = { command: ["sh", "-c", "docker $(WHAT) prune -f"] };
    assertRemovals({ env, ...text }, [{ ...PRUNE, field: "spec.containers[1].command[2]" }]);
  });

  test("scripts that stand in its variables", () => {
    const configMaps = { "cleanup/clean.sh": "docker system prune -f" };
    const configMapKeyRef = { name: "cleanup", key: "clean.sh" };
    for (const variable of [{ value: "docker system prune -f" }, { valueFrom: { configMapKeyRef } }]) {
      const env = [{ name: "SCRIPT", ...variable }];
      for (const command of [
        ["sh", "-c", "$(SCRIPT)"],
        ["sh", "-c", 'eval "$SCRIPT"'],
        ["sh", "-c", 'bash -c "${SCRIPT}"'],
      ])
        assertRemovals({ env, command }, [{ ...PRUNE, field: "spec.containers[1].command[2]" }], {
          configMaps,
        });
    }
  });

  test("what speaks to a daemon of the Pod's own, which is none of ours", () => {
    const daemon = { name: "dind", image: "docker:27-dind" };
    const volumes = [
      { name: "run", emptyDir: {} },
      { name: "host", hostPath: { path: "/var/run" } },
      { name: "layers", hostPath: { path: "/var/lib/docker" } },
    ];
    const command = ["docker", "system", "prune", "-f"];
    const withDaemon = (container: object) =>
      removalsOf(
        readObject("Pod", { spec: { volumes, initContainers: [daemon], containers: [container] } }).spec ??
          {},
        () => undefined,
      ).length;
    assert.equal(withDaemon({ command }), 0);
    assert.equal(withDaemon({ command, volumeMounts: [{ name: "run", mountPath: "/var/run" }] }), 0);
    assert.equal(
      withDaemon({ command, volumeMounts: [{ name: "layers", mountPath: "/var/lib/docker" }] }),
      0,
    );
    assert.equal(withDaemon({ command, volumeMounts: [{ name: "host", mountPath: "/var/run" }] }), 1);
    const env = [{ name: "DOCKER_HOST", value: "tcp://localhost:2375" }];
    assertRemovals({ env, command }, []);
  });
});

describe("a mounted script is read", () => {
  const configMaps = {
    "cleanup/clean.sh": "#!/bin/sh\nset -e\ndocker system prune -af\n",
    "cleanup/all.sh": "#!/usr/bin/env bash\n. /scripts/clean.sh\n",
    "cleanup/loop.sh": "sh /scripts/loop.sh; sh /scripts/loop.sh\n",
    "cleanup/clean.py": "#!/usr/bin/python3\ndocker system prune\n",
  };
  const volumes = [
    { name: "scripts", configMap: { name: "cleanup" } },
    { name: "renamed", configMap: { name: "cleanup", items: [{ key: "clean.sh", path: "bin/run" }] } },
    { name: "both", projected: { sources: [{ secret: {} }, { configMap: { name: "cleanup" } }] } },
    { name: "empty", emptyDir: {} },
  ];
  const mounted = (volumeMounts: readonly object[], command: readonly string[], rest: object = {}) => {
    const container = { volumeMounts, command, ...rest };
    return removalsOf(
      specOf(container, { volumes }),
      (configMap, key) => Object.entries(configMaps).find(([name]) => name === `${configMap}/${key}`)?.[1],
    ).map(({ command: removal, place, field, fix }) => [removal, place, formatField(field), fix]);
  };
  const scripts = [{ name: "scripts", mountPath: "/scripts" }];
  const expected = (index: number) => [
    [
      "docker system prune",
      "clean.sh of ConfigMap cleanup",
      `spec.containers[1].command[${index}]`,
      undefined,
    ],
  ];

  test("however it is run", () => {
    assert.deepEqual(mounted(scripts, ["/scripts/clean.sh"]), expected(0));
    assert.deepEqual(mounted(scripts, ["sh", "/scripts/clean.sh", "-v"]), expected(1));
    assert.deepEqual(mounted(scripts, ["bash", "-x", "/scripts//./clean.sh"]), expected(2));
    assert.deepEqual(mounted(scripts, ["sh", "-c", "sleep 5; sh /scripts/clean.sh"]), expected(2));
    assert.deepEqual(mounted(scripts, ["sh", "-c", ". /scripts/clean.sh"]), expected(2));
    assert.deepEqual(mounted(scripts, ["sh", "-c", "sh < /scripts/clean.sh"]), expected(2));
    assert.deepEqual(mounted(scripts, ["timeout", "60", "/scripts/clean.sh"]), expected(2));
    assert.deepEqual(mounted(scripts, ["sh", "/scripts/all.sh"]), expected(1));
    assert.deepEqual(mounted(scripts, ["sh", "clean.sh"], { workingDir: "/scripts" }), expected(1));
    assert.deepEqual(mounted(scripts, ["./clean.sh"], { workingDir: "/scripts/" }), expected(0));
  });

  test("wherever it is mounted", () => {
    const at = (name: string, mountPath: string, subPath = "") => [{ name, mountPath, subPath }];
    assert.deepEqual(mounted(at("renamed", "/opt"), ["/opt/bin/run"]), expected(0));
    assert.deepEqual(mounted(at("renamed", "/opt", "bin"), ["/opt/run"]), expected(0));
    assert.deepEqual(mounted(at("scripts", "/usr/bin/clean", "clean.sh"), ["/usr/bin/clean"]), expected(0));
    assert.deepEqual(mounted(at("both", "/both/"), ["/both/clean.sh"]), expected(0));
    assert.deepEqual(
      mounted([...at("empty", "/scripts/sub"), ...scripts], ["/scripts/clean.sh"]),
      expected(0),
    );
  });

  test("not if it is another one, of another language, or not run", () => {
    assert.deepEqual(mounted(scripts, ["sh", "/other/clean.sh"]), []);
    assert.deepEqual(mounted(scripts, ["sh", "/scripts/none.sh"]), []);
    assert.deepEqual(mounted(scripts, ["/scripts/clean.py"]), []);
    assert.deepEqual(mounted(scripts, ["cat", "/scripts/clean.sh"]), []);
    assert.deepEqual(mounted(scripts, ["sh", "clean.sh"]), []);
    assert.deepEqual(mounted(scripts, ["sh", "-c", "cp /scripts/clean.sh /tmp"]), []);
    const hidden = [
      ...scripts,
      { name: "empty", mountPath: "/scripts" },
      { name: "empty", mountPath: "/scripts/sub" },
    ];
    assert.deepEqual(mounted(hidden, ["/scripts/sub/clean.sh"]), []);
    const renamed = [{ name: "renamed", mountPath: "/opt" }];
    assert.deepEqual(mounted(renamed, ["/opt/clean.sh"]), []);
    assert.deepEqual(
      mounted([{ name: "scripts", mountPath: "/s", subPathExpr: "$(A)" }], ["/s/clean.sh"]),
      [],
    );
  });

  test("to an end, even if it runs itself", () =>
    assert.deepEqual(mounted(scripts, ["/scripts/loop.sh"]), []));
});

test("what is longer than people write is not read, whatever it says", () => {
  const prune = "docker system prune -f\n";
  assert.equal(found(prune + "# and so on\n".repeat(4000)).length, 1);
  assert.equal(found(prune + "# and so on\n".repeat(8000)).length, 0);
  assert.deepEqual(found("docker ps -aq | ".repeat(3000) + "xargs docker rm"), []);
});
