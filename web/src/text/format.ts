import { computed } from "@preact/signals";

import { language, text } from "./index";

// Persian is written with its own digits and, in Iran, dated by the solar calendar; both are in `Intl`.
const formats = computed(() => {
  const isFa = language.value === "fa";
  const dates = isFa ? "fa-IR-u-ca-persian" : "en-GB";
  const numbers = isFa ? "fa-IR" : "en";
  return {
    number: new Intl.NumberFormat(numbers),
    size: new Intl.NumberFormat(numbers, { maximumFractionDigits: 1 }),
    time: new Intl.DateTimeFormat(dates, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }),
    day: new Intl.DateTimeFormat(dates, { weekday: "long", day: "numeric", month: "long" }),
    dayOfYear: new Intl.DateTimeFormat(dates, { day: "numeric", month: "long", year: "numeric" }),
    short: new Intl.DateTimeFormat(dates, { day: "numeric", month: "short" }),
    shortOfYear: new Intl.DateTimeFormat(dates, { day: "numeric", month: "numeric", year: "numeric" }),
    weekday: new Intl.DateTimeFormat(dates, { weekday: "short" }),
    year: new Intl.DateTimeFormat(dates, { year: "numeric" }),
    full: new Intl.DateTimeFormat(dates, { dateStyle: "long", timeStyle: "short" }),
    ago: new Intl.RelativeTimeFormat(numbers, { numeric: "auto" }),
  };
});

/** A whole number in the digits of the language. */
export const digits = (value: number): string => formats.value.number.format(value);

const UNITS = { fa: ["بایت", "کیلوبایت", "مگابایت", "گیگابایت"], en: ["B", "kB", "MB", "GB"] } as const;

/** A file's size for people. */
export function fileSize(bytes: number): string {
  const power = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const unit = UNITS[language.value][power] ?? "";
  return `${formats.value.size.format(bytes / 1024 ** power)} ${unit}`;
}

/** Hours and minutes. */
export const clock = (at: Date): string => formats.value.time.format(at);

/** Date and time in full, for hints. */
export const moment = (at: Date): string => formats.value.full.format(at);

/** A number that is the same for all times of one local day. */
export function dayOf(at: Date): number {
  return Math.floor((at.getTime() - at.getTimezoneOffset() * 60_000) / 86_400_000);
}

/** The heading of a day's messages. */
export function dayName(at: Date, now = new Date()): string {
  const days = dayOf(now) - dayOf(at);
  if (days === 0) {
    return text.value.today;
  }
  if (days === 1) {
    return text.value.yesterday;
  }
  const { year, day, dayOfYear } = formats.value;
  return year.format(at) === year.format(now) ? day.format(at) : dayOfYear.format(at);
}

/** When something was, as short as can be: for lists. */
export function shortTime(at: Date, now = new Date()): string {
  const days = dayOf(now) - dayOf(at);
  const { year, short, shortOfYear, weekday } = formats.value;
  if (days === 0) {
    return clock(at);
  }
  if (days === 1) {
    return text.value.yesterday;
  }
  if (days > 1 && days < 7) {
    return weekday.format(at);
  }
  return year.format(at) === year.format(now) ? short.format(at) : shortOfYear.format(at);
}

/** How long ago, roughly. */
export function ago(at: Date, now = new Date()): string {
  const minutes = Math.round((now.getTime() - at.getTime()) / 60_000);
  const { ago: relative } = formats.value;
  if (minutes < 1) {
    return text.value.justNow;
  }
  if (minutes < 60) {
    return relative.format(-minutes, "minute");
  }
  if (minutes < 24 * 60) {
    return relative.format(-Math.round(minutes / 60), "hour");
  }
  const days = dayOf(now) - dayOf(at);
  return days < 7 ? relative.format(-Math.max(1, days), "day") : formats.value.dayOfYear.format(at);
}
