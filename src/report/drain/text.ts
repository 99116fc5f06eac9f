/** A Pod's stop as text and as JSON. */
import { eventText, JOB_NOTE, REFUSED_NOTE, summaryOf, timeText, titleOf, trafficText } from "./words.ts";
import type { PodStop, StopScenario } from "./words.ts";
import { hanging, padEnd } from "../terminal.ts";
import type { Terminal } from "../terminal.ts";

const TIME_WIDTH = 10;
const WHO_WIDTH = 13;

export function renderDrain(pods: readonly PodStop[], terminal: Terminal): string {
  return `${pods.map((pod) => podLines(pod, terminal).join("\n")).join("\n\n")}\n`;
}

function podLines(pod: PodStop, terminal: Terminal): readonly string[] {
  const { kind, namespace, name, file, line, isJob, scenarios } = pod;
  const title = `${terminal.paint("bold", `${kind} ${namespace}/${name}`)} (${file}:${line})`;
  const note = isJob ? hanging("  ", JOB_NOTE, terminal.columns) : [];
  return [title, ...note, ...scenarios.flatMap((scenario) => ["", ...scenarioLines(scenario, terminal)])];
}

function scenarioLines(scenario: StopScenario, terminal: Terminal): readonly string[] {
  const { timeline, isRefused } = scenario;
  const { columns } = terminal;
  const title = `  ${terminal.paint("cyan", titleOf(scenario))}`;
  if (isRefused) return [title, ...hanging("    ", REFUSED_NOTE, columns)];
  return [
    title,
    ...hanging("    ", summaryOf(timeline), columns),
    "",
    ...timeline.events.flatMap((event) => {
      const mark = `    ${padEnd(timeText(event.seconds, event.bound), TIME_WIDTH)}${padEnd(event.who, WHO_WIDTH)}`;
      return hanging(mark, eventText(event), columns);
    }),
    "",
    ...timeline.traffic.flatMap((phase) =>
      hanging(`    ${padEnd(timeText(phase.seconds, phase.bound), TIME_WIDTH)}`, trafficText(phase), columns),
    ),
  ];
}

export function renderDrainJson(pods: readonly PodStop[]): string {
  const report = {
    version: 1,
    pods: pods.map(({ apiVersion, kind, namespace, name, file, line, isJob, scenarios }) => ({
      object: { apiVersion, kind, namespace, name },
      file,
      line,
      job: isJob,
      scenarios: scenarios.map(scenarioJson),
    })),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

function scenarioJson(scenario: StopScenario) {
  const { certainty, foresail, isRefused, timeline } = scenario;
  const { proxy, graceSeconds, cutAfterSeconds, events, traffic } = timeline;
  return {
    sidecar: proxy,
    certainty,
    foresail,
    refused: isRefused,
    summary: isRefused ? REFUSED_NOTE : summaryOf(timeline),
    graceSeconds,
    cutAfterSeconds,
    events: events.map((event) => ({
      seconds: event.seconds,
      bound: event.bound,
      who: event.who,
      event: event.kind,
      text: eventText(event),
    })),
    traffic: traffic.map((phase) => ({ ...phase, text: trafficText(phase) })),
  };
}
