/** The browser's storage, or memory where it is denied: the page works either way. */

function open(kind: "localStorage" | "sessionStorage"): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  try {
    return window[kind];
  } catch {
    const kept = new Map<string, string>();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    };
  }
}

/** Kept for this browser. */
export const lasting = open("localStorage");
/** Kept for this tab. */
export const forTab = open("sessionStorage");
