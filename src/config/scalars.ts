/** What single values of a configuration must look like. */

const VERSION = /^v?\d{1,5}\.\d{1,5}(?:\.\d{1,5})?(?:[-+.][-+.\w]+)?$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const WEB_ADDRESS = /^https?:\/\/[^\s{}"<>]+$/;

/** The whole text, where parseVersion of istio/versions.ts reads only its beginning: `1.10`, `v1.10.5-aliyun.1`. */
export function isVersion(text: string): boolean {
  return VERSION.test(text);
}

/** `2027-02-30` is none. */
export function isDate(text: string): boolean {
  if (!DATE.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

/** Empty, or an address in which `{rule}` may stand. */
export function isDocsUrl(text: string): boolean {
  const address = text.replaceAll("{rule}", "rule");
  return address === "" || (WEB_ADDRESS.test(address) && URL.canParse(address));
}
