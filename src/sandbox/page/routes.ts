import { Router } from 'express';

/** The control page and what it loads. */
export function pageRoutes(): Router {
  const routes = Router();
  return routes;
}
