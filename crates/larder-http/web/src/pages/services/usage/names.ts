/** Readable names for project directories and sessions. Pure. */

const HOME = /^(?:-(?:home|Users)-[^-]+|-root|[A-Za-z]--Users-[^-]+)-/;
const SHELVES = new Set(["src", "code", "projects", "work", "dev", "repos", "git", "github", "Documents", "workspace", "Desktop"]);
const PARTS_MAX = 5;

/**
 * The end of a project's directory name: `-home-dev-src-cache-metric-0001` becomes `cache-metric-0001`.
 * A path's separators and a name's own dashes look alike there, so the home and the usual shelves are
 * taken off the front and at most five parts are kept. A name that is no encoded path stays whole.
 */
export function projectName(dir: string): string {
  if (!dir.startsWith("-") && !HOME.test(dir)) return dir;
  const parts = dir.replace(HOME, "").split("-").filter(Boolean);
  while (parts.length > 1 && SHELVES.has(parts[0] ?? "")) parts.shift();
  if (parts.length === 0) return dir;
  return parts.length > PARTS_MAX ? `…${parts.slice(-PARTS_MAX).join("-")}` : parts.join("-");
}

/** Readable names for all of `dirs`; two that would read alike keep their full names. */
export function projectNames(dirs: Iterable<string>): Map<string, string> {
  const all = new Set(dirs);
  const uses = new Map<string, number>();
  for (const dir of all) uses.set(projectName(dir), (uses.get(projectName(dir)) ?? 0) + 1);
  const names = new Map<string, string>();
  for (const dir of all) {
    const name = projectName(dir);
    names.set(dir, uses.get(name) === 1 ? name : dir);
  }
  return names;
}

/** The first eight digits of a UUID; any other session id stays whole. */
export function sessionName(id: string): string {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(id) ? id.slice(0, 8) : id;
}
