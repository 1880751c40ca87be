interface Layer {
  readonly route?: {
    readonly path: string | readonly string[];
    readonly stack: readonly { readonly method?: string }[];
  };
  readonly handle: { readonly stack?: readonly Layer[] };
}

/** `GET /healthz` and so on: what a router has, and those inside it, without what they are mounted under. */
export function routesIn(stack: readonly unknown[]): string[] {
  const all = (stack as readonly Layer[]).flatMap(({ route, handle }) =>
    route
      ? route.stack.flatMap(({ method = 'get' }) =>
          [route.path].flat().map((path) => `${method.toUpperCase()} ${path}`),
        )
      : routesIn(handle.stack ?? []),
  );
  return [...new Set(all)];
}
