/** What stands at which address. A page is made when it is first asked for. */

import { AdvicePage } from "../pages/advice.ts";
import { CachePage } from "../pages/cache/page.ts";
import { ConfigPage } from "../pages/config.ts";
import { KeysPage } from "../pages/keys.ts";
import { MetricsPage } from "../pages/metrics.ts";
import { OverviewPage } from "../pages/overview/page.ts";
import { ContextPage } from "../pages/services/context.ts";
import { LivePage } from "../pages/services/live.ts";
import { SchedulersPage } from "../pages/services/schedulers.ts";
import { UsagePage } from "../pages/services/usage/page.ts";
import { WorkstationsPage } from "../pages/services/workstations.ts";
import type { Page } from "./page.ts";

export const PAGES: Record<string, () => Page> = {
  "": () => new OverviewPage(),
  cache: () => new CachePage(),
  keys: () => new KeysPage(),
  advice: () => new AdvicePage(),
  metrics: () => new MetricsPage(),
  config: () => new ConfigPage(),
  live: () => new LivePage(),
  context: () => new ContextPage(),
  workstations: () => new WorkstationsPage(),
  usage: () => new UsagePage(),
  schedulers: () => new SchedulersPage(),
};
