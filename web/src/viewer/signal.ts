/** A value that changes at every slice: only those who look at it render again, not the room around them. */
export class Signal<T> {
  private readonly watchers = new Set<() => void>();

  constructor(private value: T) {}

  readonly now = (): T => this.value;

  readonly watch = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };

  set(value: T): void {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const watcher of this.watchers) watcher();
  }
}
