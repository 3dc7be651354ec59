import type { Signal } from "@preact/signals";
import type { ComponentChildren, HTMLAttributes, JSX, Ref, VNode } from "preact";
import { useCallback, useEffect, useImperativeHandle, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

/** What the list shows a row of. The same object is drawn once. */
export interface Row {
  key: string;
  /** Its height before it was drawn, in pixels. */
  estimate: number;
  /** Whether it stays where it is among the others: what the scroll position may hold on to. */
  isSteady: boolean;
}

/** What can be asked of the list. */
export interface ListHandle {
  /** To the end, and stay there as rows come. */
  toEnd: () => void;
  /** To a row, which is then in the middle, or at the top. */
  toKey: (key: string, place?: "middle" | "top") => void;
  /** So far as needed for the row to be seen whole. */
  reveal: (key: string) => void;
}

/** Rows that are drawn beyond each edge, in pixels: what a quick flick shows before the next frame. */
const OVERSCAN = 800;
/** Nearer to an edge than this, in pixels, more is asked for. */
const NEAR = 1500;
/** Nearer to the end than this, in pixels, it is where the reader wants to stay. */
const STICKY = 60;
const PADDING = 12;

type Anchor = "end" | { key: string; shift: number };

/**
 * A list of any length of which only the rows near the window are drawn. What the reader looks at stays where it is:
 * each time rows come, go or change their height, the scroll position follows the first row in sight, or the end if
 * the reader is there.
 */
export function VirtualList<Item extends Row>({
  rows,
  render,
  redraw,
  atEnd,
  onNearStart,
  onNearEnd,
  handle,
  first,
  scrollerProps,
}: {
  rows: readonly Item[];
  render: (row: Item) => VNode;
  /** All rows are drawn again when it is another object. */
  redraw?: object;
  /** Told whether the end is in sight. */
  atEnd: Signal<boolean>;
  onNearStart: () => void;
  onNearEnd: () => void;
  handle: Ref<ListHandle>;
  /** The row to begin at; the end without one. */
  first?: string | undefined;
  scrollerProps?: HTMLAttributes<HTMLDivElement>;
}): JSX.Element {
  const scroller = useRef<HTMLDivElement>(null);
  const heights = useRef(new Map<string, number>());
  const anchor = useRef<Anchor>(first === undefined ? "end" : { key: first, shift: -96 });
  /** Where the scroll position was when the anchor was found there; `null` where it has yet to be brought there. */
  const anchoredAt = useRef<number | null>(null);
  /** Heights were found that the layout does not know yet. */
  const isDirty = useRef(true);
  const drawn = useRef(new Map<string, HTMLElement>());
  const vnodes = useMemo(() => new WeakMap<Item, VNode>(), [redraw]);
  const [version, setVersion] = useState(0);
  const [view, setView] = useState({ top: 0, height: 0 });

  const layout = useMemo(() => {
    const offsets = new Float64Array(rows.length + 1);
    for (let index = 0; index < rows.length; index += 1) {
      const row = rows[index] as Item;
      offsets[index + 1] = (offsets[index] as number) + (heights.current.get(row.key) ?? row.estimate);
    }
    const total = offsets[rows.length] as number;
    // A short history stands at the bottom, beside the box that one writes in.
    const lead = Math.max(PADDING, view.height - total - PADDING);
    return { offsets, total, lead };
  }, [rows, version, view.height]);

  /** The index of the row at a distance from the top. */
  const indexAt = (distance: number): number => {
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((layout.offsets[middle] as number) + layout.lead <= distance) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return Math.min(low, Math.max(0, rows.length - 1));
  };
  const indexOf = (key: string): number => rows.findIndex((row) => row.key === key);

  // In steps, so that not each pixel draws again.
  const start = rows.length ? indexAt(view.top - OVERSCAN) & ~7 : 0;
  const end = rows.length ? Math.min(rows.length, (indexAt(view.top + view.height + OVERSCAN) | 7) + 1) : 0;

  const target = (now: number): number => {
    const to = anchor.current;
    if (to === "end") {
      return Number.MAX_SAFE_INTEGER;
    }
    const index = indexOf(to.key);
    return index < 0 ? (anchoredAt.current ?? now) : (layout.offsets[index] as number) + layout.lead + to.shift;
  };

  const look = useCallback(() => {
    const box = scroller.current;
    if (box) {
      const { scrollTop: top, clientHeight: height } = box;
      setView((old) => (Math.abs(old.top - top) < 120 && old.height === height ? old : { top, height }));
    }
  }, []);

  /** Remembers what the reader looks at. */
  const settle = () => {
    const box = scroller.current;
    if (!box || rows.length === 0 || isDirty.current) {
      return;
    }
    const { scrollTop: top, clientHeight: height, scrollHeight } = box;
    const isAtEnd = scrollHeight - top - height < STICKY;
    atEnd.value = isAtEnd;
    anchoredAt.current = top;
    if (isAtEnd) {
      anchor.current = "end";
    } else {
      let index = indexAt(top);
      while (index < rows.length - 1 && !rows[index]?.isSteady) {
        index += 1;
      }
      const row = rows[index] as Item;
      anchor.current = { key: row.key, shift: top - (layout.offsets[index] as number) - layout.lead };
    }
    if (top < NEAR) {
      onNearStart();
    }
    if (scrollHeight - top - height < NEAR) {
      onNearEnd();
    }
  };
  // What observers call is always the latest.
  const settled = useRef(settle);
  settled.current = settle;

  const measure = useCallback(() => {
    let isChanged = false;
    for (const [key, element] of drawn.current) {
      const height = element.getBoundingClientRect().height;
      if (height > 0 && Math.abs((heights.current.get(key) ?? -1) - height) > 0.25) {
        heights.current.set(key, height);
        isChanged = true;
      }
    }
    if (isChanged) {
      setVersion((old) => old + 1);
    }
    return isChanged;
  }, []);

  const observer = useMemo(() => new ResizeObserver(() => measure()), []);
  useEffect(() => {
    const box = scroller.current;
    const onResize = new ResizeObserver(() => {
      look();
      setVersion((old) => old + 1);
    });
    if (box) {
      onResize.observe(box);
    }
    return () => {
      onResize.disconnect();
      observer.disconnect();
    };
  }, []);

  useLayoutEffect(() => {
    const box = scroller.current;
    if (!box) {
      return;
    }
    isDirty.current = measure();
    const end = box.scrollHeight - box.clientHeight;
    const to = Math.max(0, Math.min(target(box.scrollTop), end));
    // What moved is added to where the reader has scrolled meanwhile, which may be further than we were told.
    const from = anchor.current === "end" ? null : anchoredAt.current;
    const top = from === null ? to : box.scrollTop + to - from;
    anchoredAt.current = to;
    if (Math.abs(box.scrollTop - top) >= 1) {
      box.scrollTop = top;
    }
    look();
  });
  useEffect(() => {
    settled.current();
  }, [rows, view, version]);

  useImperativeHandle(handle, () => ({
    toEnd: () => {
      anchor.current = "end";
      setVersion((old) => old + 1);
    },
    toKey: (key, place = "middle") => {
      anchoredAt.current = null;
      anchor.current = { key, shift: place === "top" ? -8 : -(scroller.current?.clientHeight ?? 0) / 3 };
      setVersion((old) => old + 1);
    },
    reveal: (key) => {
      const [box, index] = [scroller.current, indexOf(key)];
      if (!box || index < 0) {
        return;
      }
      const top = (layout.offsets[index] as number) + layout.lead;
      const bottom = (layout.offsets[index + 1] as number) + layout.lead;
      if (top < box.scrollTop + 24) {
        anchor.current = { key, shift: -24 };
      } else if (bottom > box.scrollTop + box.clientHeight - 8) {
        anchor.current = { key, shift: bottom - top - box.clientHeight + 8 };
      } else {
        return;
      }
      anchoredAt.current = null;
      setVersion((old) => old + 1);
    },
  }));

  const keep = (key: string) => (element: HTMLDivElement | null) => {
    const before = drawn.current.get(key);
    if (before && before !== element) {
      observer.unobserve(before);
      drawn.current.delete(key);
    }
    if (element) {
      drawn.current.set(key, element);
      observer.observe(element);
    }
  };
  const draw = (row: Item): ComponentChildren => {
    let vnode = vnodes.get(row);
    if (!vnode) {
      vnode = (
        <div key={row.key} ref={keep(row.key)} data-key={row.key}>
          {render(row)}
        </div>
      );
      vnodes.set(row, vnode);
    }
    return vnode;
  };

  return (
    <div
      {...scrollerProps}
      class="scroll"
      ref={scroller}
      onScroll={() => {
        look();
        settle();
      }}
    >
      <div class="tall" style={{ height: `${layout.total + layout.lead + PADDING}px` }}>
        <div class="window" style={{ top: `${(layout.offsets[start] as number) + layout.lead}px` }}>
          {rows.slice(start, end).map(draw)}
        </div>
      </div>
    </div>
  );
}
