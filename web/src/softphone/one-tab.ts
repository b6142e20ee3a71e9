/**
 * One tab of a browser has the phone (H-025). It holds a lock of the browser's; another tab may ask the person and take it, and gives it back
 * when it is closed, whatever happened to it.
 */

/** `unknown` until the browser has answered. */
export type Place = "unknown" | "here" | "elsewhere";

export interface Tab {
  /** Has the phone here, and nowhere else any more. */
  takeOver(): void;
  leave(): void;
}

/** Asks for the phone called `name`; `change` is told whether this tab has it, now and whenever that changes. */
export function oneTab(name: string, change: (place: Place) => void): Tab {
  let release: () => void = () => undefined;
  let place: Place = "unknown";
  let isOver = false;
  const become = (next: Place) => {
    if (isOver || next === place) return;
    place = next;
    change(next);
  };
  const hold = (options: LockOptions) =>
    navigator.locks
      .request(name, options, (lock) => {
        if (lock === null || isOver) return become("elsewhere");
        become("here");
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      })
      // Another tab has taken it.
      .catch(() => become("elsewhere"));
  // The tab that had it may have been closed.
  const look = () => {
    if (place === "elsewhere" && document.visibilityState === "visible") void hold({ ifAvailable: true });
  };
  document.addEventListener("visibilitychange", look);
  void hold({ ifAvailable: true });
  return {
    takeOver: () => void hold({ steal: true }),
    leave: () => {
      isOver = true;
      document.removeEventListener("visibilitychange", look);
      release();
    },
  };
}
