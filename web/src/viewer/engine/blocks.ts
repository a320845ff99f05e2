/** Slices of a series from the server, in blocks: the one that is looked at first, then outward. */

import { request } from "../../api/client";
import { texts } from "#texts/viewer";

export type Values = Int16Array | Uint16Array | Uint8Array | Float32Array;
const ARRAYS = { int16: Int16Array, uint16: Uint16Array, uint8: Uint8Array, float32: Float32Array } as const;

const MOST_SLICES = 64;
const BLOCK_BYTES = 4 << 20;
/** Values that are kept in memory, of all series together. */
export const KEPT_BYTES = 700 << 20;
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
    if (!(type in ARRAYS)) throw new Error(texts.unknownValues(type));
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
  private limit = KEPT_BYTES;
  private here = 0;
  /** Why the last block did not come; a slice that is asked for tries again. */
  error: unknown = null;

  /** `bytes`: of one slice, as far as it is known before one has come. */
  constructor(
    readonly count: number,
    private readonly size: number,
    private bytes: number,
    private readonly fetch: Fetch,
  ) {}

  /** Slices that are here. */
  get loaded(): number {
    return this.here;
  }

  /** Bytes that are held. */
  get held(): number {
    return this.here * this.bytes;
  }

  /** Whether all of them may be in memory together, as cuts through them need it. */
  get fits(): boolean {
    return Math.ceil(this.count / this.size) <= this.room(KEPT_BYTES);
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
    const block = await this.block(Math.floor(slice / this.size));
    // From the block itself: it may have been evicted again already.
    const [length, at] = [block.values.length / block.slices, slice % this.size];
    return block.values.subarray(at * length, (at + 1) * length);
  }

  /** All slices together, for cuts through the stack. Throws where they do not fit into memory: nothing is made up. */
  async all(): Promise<void> {
    if (this.fits) {
      for (const block of blockOrder(this.count, this.size, this.wanted)) await this.block(block);
    }
    if (this.here < this.count) throw new Error(texts.tooLarge);
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

  /** Keep no more than so many bytes from now on: other series want room too. */
  keepWithin(bytes: number): void {
    this.limit = bytes;
    if (bytes === 0) {
      this.paused = true;
      this.blocks.clear();
      this.here = 0;
    } else this.evict(-1);
  }

  end(): void {
    this.paused = true;
    this.ending.abort();
    this.blocks.clear();
    this.here = 0;
    this.listeners.clear();
  }

  private room(limit = this.limit): number {
    return Math.max(2, Math.floor(limit / Math.max(1, this.bytes * this.size)));
  }

  private fill(): void {
    if (this.paused || this.ending.signal.aborted || this.limit === 0) return;
    if (this.here === this.count) return;
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
    const count = Math.min(this.size, this.count - first);
    const coming = this.fetch(first, count, this.ending.signal)
      .then((fetched) => {
        if (fetched.slices !== count || fetched.values.length === 0 || fetched.values.length % count !== 0) throw new Error(texts.incomplete);
        this.error = null;
        if (!this.ending.signal.aborted) this.keep(number, fetched);
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
    this.bytes = fetched.values.byteLength / fetched.slices;
    this.blocks.set(number, fetched);
    this.here += fetched.slices;
    this.evict(number);
    for (const listener of this.listeners) listener(this.here);
  }

  /** Let go what is farthest from the reader, but not the block that has just come. */
  private evict(newest: number): void {
    if (this.blocks.size <= this.room()) return;
    for (const block of blockOrder(this.count, this.size, this.wanted).reverse()) {
      if (this.blocks.size <= this.room()) return;
      if (block === newest) continue;
      this.here -= this.blocks.get(block)?.slices ?? 0;
      this.blocks.delete(block);
    }
  }
}
