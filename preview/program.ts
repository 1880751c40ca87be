import type { template } from 'glass-easel';

/** The built-in components that the preview has; another tag in WXML ends the build by its name. */
export const COMPONENTS = ['view', 'text', 'image', 'button', 'input', 'form', 'navigator'] as const;

/** A mini program as the build gives it to the phone. */
export interface Program {
  readonly config: AppConfig;
  /** Runs app.ts. */
  readonly load: () => unknown;
  readonly pages: readonly ProgramPage[];
}

/** One of its pages. */
export interface ProgramPage {
  /** `pages/index/index` */
  readonly path: string;
  readonly config: PageConfig;
  readonly template: template.ComponentTemplate;
  /** What its WXML calls, which its script must have. */
  readonly handlers: readonly Handler[];
  /** Runs the script, which calls Page(). */
  readonly load: () => unknown;
}

/** A method that a page must have. */
export interface Handler {
  readonly name: string;
  /** Where: `pages/index/index.wxml:12`. */
  readonly place: string;
}

/** app.json, as far as the preview reads it. */
export interface AppConfig {
  readonly pages: readonly string[];
  readonly window?: PageConfig;
}

/** A page's JSON file, likewise. */
export interface PageConfig {
  readonly navigationBarTitleText?: string;
  readonly navigationBarBackgroundColor?: string;
}
