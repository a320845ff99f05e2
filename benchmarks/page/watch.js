// Runs in the page before its own scripts, and only listens: what the viewer draws, and when.
// Cornerstone's events do not bubble; they are heard on their way down.
globalThis.watched = (() => {
  let [image, preview, slice, drawn] = [null, null, -1, 0];
  let seen = -1;
  const KEY_MS = 1000 / 60;

  /** Whether something bright is on the canvas: a cleared viewport is drawn, too. */
  const lit = (canvas) => {
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [32, 32];
    const context = copy.getContext("2d");
    context.drawImage(canvas, 0, 0, 32, 32);
    return context.getImageData(0, 0, 32, 32).data.some((value, at) => at % 4 === 0 && value > 100);
  };

  new PerformanceObserver((list) => {
    if (list.getEntriesByName("first-contentful-paint").length > 0) document.documentElement.dataset.painted = "";
  }).observe({ type: "paint", buffered: true });
  document.addEventListener(
    "CORNERSTONE_STACK_NEW_IMAGE",
    (event) => {
      slice = event.detail.imageIdIndex;
    },
    true,
  );
  document.addEventListener(
    "CORNERSTONE_IMAGE_RENDERED",
    (event) => {
      if (slice !== seen) [seen, drawn] = [slice, drawn + 1];
      if (image !== null) return;
      const canvas = event.target.querySelector("canvas");
      if (!canvas || !lit(canvas)) return;
      image = performance.now();
      document.documentElement.dataset.imageDrawn = "";
    },
    true,
  );
  document.addEventListener(
    "load",
    (event) => {
      if (event.target instanceof HTMLImageElement && event.target.matches(".first-picture")) preview ??= performance.now();
    },
    true,
  );

  return {
    paints: () => Object.fromEntries(performance.getEntriesByType("paint").map(({ name, startTime }) => [name, startTime])),
    times: () => ({ image, preview }),
    /** Slices drawn a second while keys come as fast as a screen has frames, to the end of the stack and back. */
    scroll: (seconds) =>
      new Promise((done) => {
        const pane = document.querySelector("[data-pane=main]");
        const [at, count] = pane.querySelector(".slice-number").textContent.split(" / ").map(Number);
        let [place, step] = [at, 1];
        const [begun, before] = [performance.now(), drawn];
        // Of a clock, not of the frames: a key that came before each drawing would replace the slice that is to be drawn.
        const press = () => {
          const passed = (performance.now() - begun) / 1000;
          if (passed >= seconds) return done((drawn - before) / passed);
          if (place + step < 1 || place + step > count) step = -step;
          place += step;
          const key = step > 0 ? "ArrowDown" : "ArrowUp";
          pane.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
          setTimeout(press, KEY_MS);
        };
        press();
      }),
  };
})();
