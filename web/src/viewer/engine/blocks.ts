/** Slices of a series from the server, in blocks: the one that is looked at first, then outward. */

import { request } from "../../api/client";

export type Values = Int16Array | Uint16Array | Uint8Array | Float32Array;
const ARRAYS = { int16: Int16Array, uint16: Uint16Array, uint8: Uint8Array, float32: Float32Array } as const;

const MOST_SLICES = 64;
const BLOCK_BYTES = 4 << 20;
const KEPT_BYTES = 700 << 20;
const AT_ONCE = 2;

/** Numbers of blocks in the order in which they are wanted: that of `slice`, then its neighbours on both sides, outward. */
export function blockOrder(slices: number, size: number, slice: number): number[] {
  const count = Math.ceil(slices / size);
  const here = Math.min(count - 1, Math.max(0, Math.floor(slice / size)));
  // The nearer neighbour first: whoever scrolls from the end of a block comes to the next one soon.
  const after = slice - here * size >= size / 2;
  const order = [here];
  for (let step = 1; order.length < count; step += 1) {
    for (const block of after ? [here + step, here - step] : [here - step, here + step]) {
      if (block >= 0 && block < count) order.push(block);
    }
  }
  return order;
}

/** Slices of a block, for pictures of so many bytes. */
export const blockSize = (bytes: number): number => Math.max(1, Math.min(MOST_SLICES, Math.floor(BLOCK_BYTES / Math.max(1, bytes))));

export interface Fetched {
  values: Values;
  slices: number;
}

export type Fetch = (first: number, count: number, signal: AbortSignal) => Promise<Fetched>;

/** Blocks of a series from the API. */
export const fromServer =
  (studyUid: string, seriesUid: string): Fetch =>
  async (first, count, signal) => {
    const path = `/api/v1/studies/${encodeURIComponent(studyUid)}/series/${encodeURIComponent(seriesUid)}/pixels`;
    const answer = await request(`${path}?first=${first}&count=${count}`, { signal });
    const type = answer.headers.get("X-Pixel-Type") as keyof typeof ARRAYS;
    const slices = Number(answer.headers.get("X-Pixel-Shape")?.split(",")[0]);
    if (!(type in ARRAYS)) throw new Error(`Values of the type ${type} cannot be shown.`);
    return { values: new ARRAYS[type](await answer.arrayBuffer()), slices };
  };

type Listener = (loaded: number) => void;

/** The slices of one series, fetched once and kept while there is room. */
export class Slices {
  private readonly blocks = new Map<number, Fetched>();
  private readonly running = new Map<number, Promise<Fetched>>();
  private readonly ending = new AbortController();
  private readonly listeners = new Set<Listener>();
  private wanted = 0;
  private paused = true;
  /** Why the last block did not come; a slice that is asked for tries again. */
  error: unknown = null;

  constructor(
    readonly count: number,
    private readonly size: number,
    private readonly bytes: number,
    private readonly fetch: Fetch,
  ) {}

  /** Slices that are here. */
  get loaded(): number {
    let sum = 0;
    for (const block of this.blocks.values()) sum += block.slices;
    return sum;
  }

  onLoaded(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Values of a slice if they are here. */
  now(slice: number): Values | null {
    const block = this.blocks.get(Math.floor(slice / this.size));
    if (!block) return null;
    const length = block.values.length / block.slices;
    const at = slice % this.size;
    return block.values.subarray(at * length, (at + 1) * length);
  }

  /** Values of a slice, fetched if they must be. */
  async get(slice: number): Promise<Values> {
    const here = this.now(slice);
    if (here) return here;
    await this.block(Math.floor(slice / this.size));
    return this.now(slice) ?? this.get(slice);
  }

  /** All slices, for cuts through the stack. */
  async all(): Promise<void> {
    for (const block of blockOrder(this.count, this.size, this.wanted)) await this.block(block);
  }

  /** Fetch on, outward from where the reader is, as long as there is room. */
  prefetch(slice: number): void {
    this.wanted = slice;
    this.paused = false;
    this.fill();
  }

  /** Let others go first. */
  pause(): void {
    this.paused = true;
  }

  end(): void {
    this.paused = true;
    this.ending.abort();
    this.blocks.clear();
    this.listeners.clear();
  }

  private room(): number {
    return Math.max(2, Math.floor(KEPT_BYTES / Math.max(1, this.bytes * this.size)));
  }

  private fill(): void {
    if (this.paused || this.ending.signal.aborted) return;
    const order = blockOrder(this.count, this.size, this.wanted).slice(0, this.room());
    for (const block of order) {
      if (this.running.size >= AT_ONCE) return;
      if (!this.blocks.has(block) && !this.running.has(block)) this.block(block).then(() => this.fill(), () => this.pause());
    }
  }

  private block(number: number): Promise<Fetched> {
    const here = this.blocks.get(number);
    if (here) return Promise.resolve(here);
    const running = this.running.get(number);
    if (running) return running;
    const first = number * this.size;
    const coming = this.fetch(first, Math.min(this.size, this.count - first), this.ending.signal)
      .then((fetched) => {
        this.error = null;
        this.keep(number, fetched);
        return fetched;
      })
      .catch((error: unknown) => {
        this.error = error;
        throw error;
      })
      .finally(() => this.running.delete(number));
    this.running.set(number, coming);
    return coming;
  }

  private keep(number: number, fetched: Fetched): void {
    this.blocks.set(number, fetched);
    if (this.blocks.size > this.room()) {
      const farthest = blockOrder(this.count, this.size, this.wanted).findLast((block) => this.blocks.has(block) && block !== number);
      if (farthest !== undefined) this.blocks.delete(farthest);
    }
    for (const listener of this.listeners) listener(this.loaded);
  }
}
