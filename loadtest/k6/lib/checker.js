// What one client must have heard. Pure: it runs in k6 and under `node --test`.
//
// Every message of a run carries `#stream:number:time` in its text: which sender's stream it belongs to, its place
// there from 1, without holes, and the moment in milliseconds at which it was meant to be sent. A client knows which
// streams its rooms have and how long each is, so that it can tell what it lacks.

const TAG = /#([\w.-]+):(\d+):(\d+)/;

/** The text of a message of `bytes` characters or a little more. */
export function text(stream, number, meantAt, bytes = 0) {
  return `سلام #${stream}:${number}:${Math.round(meantAt)} `.padEnd(bytes, "چاپار ").trimEnd();
}

/** The stream, number and time in a text; null where there is none. */
export function read(content) {
  const parts = typeof content === "string" ? TAG.exec(content) : null;
  return parts && { stream: parts[1], number: Number(parts[2]), meantAt: Number(parts[3]) };
}

/** One client's account of what it heard. */
export class Checker {
  /** `streams` has the length of each stream by its name. */
  constructor(streams) {
    this.streams = new Map();
    this.doubled = 0;
    this.disordered = 0;
    this.foreign = 0;
    this.missing = 0;
    for (const [name, length] of Object.entries(streams)) {
      this.streams.set(name, { length, last: 0, skipped: new Set() });
      this.missing += length;
    }
  }

  /** Whether all has come. */
  isComplete() {
    return this.missing === 0;
  }

  /** Whether a message was heard before. */
  has({ stream, number }) {
    const heard = this.streams.get(stream);
    return heard !== undefined && number <= heard.last && !heard.skipped.has(number);
  }

  /**
   * Takes note of a message and says whether it was new. `mayBeLate`: its place is not where it was first told, as
   * that of a message that was changed later and then replayed.
   */
  take({ stream, number }, mayBeLate = false) {
    const heard = this.streams.get(stream);
    if (!heard || number < 1 || number > heard.length) {
      this.foreign += 1;
      return false;
    }
    if (number > heard.last) {
      for (let skipped = heard.last + 1; skipped < number; skipped += 1) {
        heard.skipped.add(skipped);
      }
      heard.last = number;
    } else if (heard.skipped.delete(number)) {
      this.disordered += mayBeLate ? 0 : 1;
    } else {
      this.doubled += 1;
      return false;
    }
    this.missing -= 1;
    return true;
  }

  /** Says what a client that came when the stream had begun cannot know: it starts where it is. */
  forgive({ stream, number }) {
    const heard = this.streams.get(stream);
    if (heard && heard.last === 0 && number > 1 && number <= heard.length) {
      heard.last = number - 1;
      this.missing -= number - 1;
    }
  }

  /** Messages that never came, as `stream:number`, the first few of them. */
  lacking(most = 5) {
    const lacking = [];
    for (const [stream, { length, last, skipped }] of this.streams) {
      for (const number of skipped) {
        lacking.push(`${stream}:${number}`);
      }
      for (let number = last + 1; number <= length && lacking.length < most; number += 1) {
        lacking.push(`${stream}:${number}`);
      }
    }
    return lacking.slice(0, most);
  }
}
