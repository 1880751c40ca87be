/** Whose phone, and which of his: what the page and the phone in it are told in their address. */
export interface Who {
  /** The name that the local WeChat knows him by. */
  readonly user: string;
  /** From 1. */
  readonly phone: number;
}

/** @param search such as `?user=Ada&phone=2` */
export function whoIn(search: string): Who {
  const query = new URLSearchParams(search);
  const user = query.get('user')?.trim() || 'Ada';
  return { user, phone: Math.max(1, Math.trunc(Number(query.get('phone'))) || 1) };
}

/** The same as the search part of an address. */
export function searchOf({ user, phone }: Who): string {
  return `?${new URLSearchParams({ user, phone: String(phone) })}`;
}
