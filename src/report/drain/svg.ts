/** A Pod's stop as a picture: bars over the grace period, and below them what happens when. Narrow, to be read on a phone. */
import type { Span, StopTimeline, TrafficPhase } from "../../istio/drain/stop-timeline.ts";
import { eventText, JOB_NOTE, REFUSED_NOTE, shown, summaryOf, timeText, titleOf } from "./words.ts";
import type { PodStop, StopScenario } from "./words.ts";
import { wrap } from "../terminal.ts";

const WIDTH = 460;
const MARGIN = 14;
const BAR_WIDTH = WIDTH - 2 * MARGIN;
const BAR_HEIGHT = 20;
const LINE_HEIGHT = 17;
/** Of the letters of a sans-serif font at 13 px, on average, and rather too much; bold ones are wider. */
const LETTER_WIDTH = 6.7;
const HEADING_LETTER_WIDTH = 8.6;
const TIME_COLUMN = 62;
const GAP = 6;
const LEAST_TICK_GAP = 34;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; } .heading { font-size: 14px; font-weight: 600; }
  .small { font-size: 12px; fill: #59636e; } .inside { font-size: 12px; fill: #1f2328; }
  .paper { fill: #ffffff; } .axis { stroke: #818b98; stroke-width: 1; }
  .good { fill: #aceebb; } .fair { fill: #fae17d; } .bad { fill: #ffb3ab; } .plain { fill: #d1d9e0; } .hook { fill: #b6d7ff; }
  .early { stroke: #59636e; stroke-width: 1.5; stroke-dasharray: 3 3; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .small { fill: #9198a1; } .paper { fill: #0d1117; }
    .inside { fill: #1f2328; }
  }`;

export function renderDrainSvg(pods: readonly PodStop[]): string {
  const page = new Page();
  for (const pod of pods) drawPod(page, pod);
  return page.toString(pods.map(nameOf).join(", "));
}

function nameOf({ kind, namespace, name }: PodStop): string {
  return `${kind} ${namespace}/${name}`;
}

/** Grows downwards. */
class Page {
  readonly #parts: string[] = [];
  #y = MARGIN;

  skip(height: number): void {
    this.#y += height;
  }

  get y(): number {
    return this.#y;
  }

  add(part: string): void {
    this.#parts.push(part);
  }

  /** Broken into lines that fit. */
  text(text: string, className: string, left = MARGIN): void {
    const isHeading = className === "title" || className === "heading";
    const letterWidth = isHeading ? HEADING_LETTER_WIDTH : LETTER_WIDTH;
    for (const line of wrap(text, Math.floor((WIDTH - MARGIN - left) / letterWidth))) {
      this.#y += LINE_HEIGHT;
      this.add(`<text class="${className}" x="${left}" y="${this.#y - 4}">${escapeXml(line)}</text>`);
    }
  }

  toString(title: string): string {
    const height = Math.ceil(this.#y + MARGIN);
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" style="max-width: 100%; height: auto" role="img" aria-label="${escapeXml(`How ${title} stops`)}">
<style>${STYLE}
</style>
<rect class="paper" width="${WIDTH}" height="${height}"/>
${this.#parts.join("\n")}
</svg>
`;
  }
}

function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function drawPod(page: Page, pod: PodStop): void {
  page.text(nameOf(pod), "title");
  if (pod.isJob) page.text(JOB_NOTE, "small");
  for (const scenario of pod.scenarios) {
    page.skip(LINE_HEIGHT);
    drawScenario(page, scenario);
  }
  page.skip(LINE_HEIGHT);
}

function drawScenario(page: Page, scenario: StopScenario): void {
  const { timeline, isRefused } = scenario;
  page.text(titleOf(scenario), "heading");
  if (isRefused) return page.text(REFUSED_NOTE, "small");
  page.text(summaryOf(timeline), "small");
  page.skip(GAP);
  for (const { who, spans } of timeline.lanes) {
    page.text(who, "small");
    drawBar(page, timeline, spans.map(spanPart));
  }
  const rows = [
    ["new requests", (phase: TrafficPhase) => NEW_REQUESTS[phase.newRequests]],
    ["running requests", (phase: TrafficPhase) => RUNNING[phase.runningRequests]],
    ["requests of the app to others", (phase: TrafficPhase) => OWN[phase.ownRequests]],
  ] as const;
  for (const [label, partOf] of rows) {
    page.text(label, "small");
    drawBar(page, timeline, trafficParts(timeline, partOf));
  }
  drawAxis(page, timeline);
  for (const event of timeline.events) {
    const top = page.y;
    page.text(`${event.who}: ${eventText(event)}`, "", MARGIN + TIME_COLUMN);
    page.add(
      `<text class="small" x="${MARGIN}" y="${top + LINE_HEIGHT - 4}">${timeText(event.seconds, event.bound)}</text>`,
    );
  }
}

interface Look {
  readonly className: string;
  readonly label: string;
}

interface Part extends Look {
  readonly from: number;
  readonly to: number;
  readonly endsEarly: boolean;
}

const SPANS: { readonly [K in Span["kind"]]: Look } = {
  hook: { className: "hook", label: "preStop" },
  runs: { className: "plain", label: "runs until it is done" },
  drains: { className: "good", label: "drains" },
  waits: { className: "good", label: "waits for connections" },
};
const NEW_REQUESTS: { readonly [K in TrafficPhase["newRequests"]]: Look } = {
  accepted: { className: "good", label: "accepted" },
  sentAway: { className: "fair", label: "accepted, clients sent away" },
  refused: { className: "bad", label: "refused" },
  upToApp: { className: "plain", label: "up to the app" },
};
const RUNNING: { readonly [K in TrafficPhase["runningRequests"]]: Look } = {
  served: { className: "good", label: "served" },
  cut: { className: "bad", label: "cut" },
};
const OWN: { readonly [K in TrafficPhase["ownRequests"]]: Look } = {
  sent: { className: "good", label: "sent" },
  fail: { className: "bad", label: "fail" },
};

function spanPart({ from, to, kind, endsEarly }: Span): Part {
  return { ...SPANS[kind], from, to, endsEarly };
}

/** Neighbours that look the same are one. */
function trafficParts(
  { traffic, graceSeconds }: StopTimeline,
  lookOf: (phase: TrafficPhase) => Look,
): readonly Part[] {
  const parts: Part[] = [];
  for (const [index, phase] of traffic.entries()) {
    const to = Math.min(traffic[index + 1]?.seconds ?? graceSeconds, graceSeconds);
    const last = parts.at(-1);
    const look = lookOf(phase);
    if (last?.label === look.label) parts[parts.length - 1] = { ...last, to };
    else parts.push({ ...look, from: phase.seconds, to, endsEarly: false });
  }
  return parts;
}

function xOf(seconds: number, { graceSeconds }: StopTimeline): number {
  return Math.round(MARGIN + (BAR_WIDTH * seconds) / Math.max(graceSeconds, 1));
}

function drawBar(page: Page, timeline: StopTimeline, parts: readonly Part[]): void {
  for (const { from, to, className, label, endsEarly } of parts) {
    const [left, right] = [xOf(from, timeline), xOf(to, timeline)];
    const border = endsEarly ? " early" : "";
    page.add(
      `<rect class="${className}${border}" x="${left}" y="${page.y + 2}" width="${right - left}" height="${BAR_HEIGHT - 4}" rx="3"/>`,
    );
    const shownLabel = labelFor(label, right - left);
    if (shownLabel !== "")
      page.add(
        `<text class="inside" x="${left + 5}" y="${page.y + BAR_HEIGHT - 6}">${escapeXml(shownLabel)}</text>`,
      );
  }
  page.skip(BAR_HEIGHT);
}

/** Its first words, if not all of it fits. */
function labelFor(label: string, width: number): string {
  const words = label.split(/,? /);
  return [label, words.slice(0, 1).join("")].find((text) => text.length * LETTER_WIDTH + 8 <= width) ?? "";
}

function drawAxis(page: Page, timeline: StopTimeline): void {
  page.skip(4);
  page.add(`<line class="axis" x1="${MARGIN}" y1="${page.y}" x2="${MARGIN + BAR_WIDTH}" y2="${page.y}"/>`);
  for (const seconds of ticksOf(timeline)) {
    const x = xOf(seconds, timeline);
    const anchor = seconds === 0 ? "start" : seconds === timeline.graceSeconds ? "end" : "middle";
    page.add(
      `<line class="axis" x1="${x}" y1="${page.y}" x2="${x}" y2="${page.y + 4}"/><text class="small" x="${x}" y="${page.y + 17}" text-anchor="${anchor}">${shown(seconds)} s</text>`,
    );
  }
  page.skip(LINE_HEIGHT + 6);
}

/** The beginning, the end, and between them as many moments as have room. */
function ticksOf(timeline: StopTimeline): readonly number[] {
  const { graceSeconds, events } = timeline;
  const kept = [0, graceSeconds];
  for (const { seconds } of events) {
    const isClear = kept.every(
      (one) => Math.abs(xOf(one, timeline) - xOf(seconds, timeline)) >= LEAST_TICK_GAP,
    );
    if (isClear) kept.push(seconds);
  }
  return kept;
}
