import { Router } from 'express';
import { alive, ready } from '../handlers/health.ts';

/** For whoever runs the server: load balancers, containers, monitors. */
export function healthRoutes(parts: { readonly ping: () => Promise<void> }): Router {
  const routes = Router();
  routes.get('/healthz', alive);
  routes.get('/readyz', ready(parts));
  return routes;
}
