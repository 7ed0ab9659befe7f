// A long list of which only the rows in view exist.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface RowsProps {
  count: number;
  height: number;
  /** How high the list is at most. */
  most: number;
  label: string;
  /** The row to bring into view where it changes. */
  follow?: number;
  head?: ComponentChildren;
  width?: number;
  row: (index: number) => ComponentChildren;
}

export function Rows({ count, height, most, label, follow, head, width, row }: RowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null || follow === undefined || follow < 0) return;
    const room = element.clientHeight - (head ? height : 0) - height;
    const wanted = follow * height;
    if (wanted < element.scrollTop || wanted > element.scrollTop + room - height)
      element.scrollTop = Math.max(0, wanted - room / 2);
  }, [follow, count]);
  const from = Math.max(0, Math.floor(top / height) - 4);
  const to = Math.min(count, Math.ceil((top + most) / height) + 4);
  const onScroll = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => box.current && setTop(box.current.scrollTop));
  };
  const shown = [];
  for (let index = from; index < to; index++) shown.push(row(index));
  return (
    <div class="rows" ref={box} style={{ maxHeight: `${most}px` }} onScroll={onScroll} tabIndex={0} role="region" aria-label={label}>
      <div role="table" aria-label={label} aria-rowcount={count + 1} style={{ minWidth: width ? `${width}px` : undefined }}>
        {head && (
          <div class="head" role="row" aria-rowindex={1} style={{ height: `${height}px` }}>
            {head}
          </div>
        )}
        <div role="rowgroup" style={{ height: `${count * height}px`, position: "relative" }}>
          {shown}
        </div>
      </div>
    </div>
  );
}
