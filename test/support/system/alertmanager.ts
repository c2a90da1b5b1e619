/** An alert as Alertmanager has it. */
export interface HeldAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly status: { readonly state: string; readonly inhibitedBy: readonly string[] };
}

/** Every alert that an Alertmanager knows to fire now, those that it tells nobody of included. */
export async function heldAlerts(alertmanagerUrl: string): Promise<readonly HeldAlert[]> {
  const response = await fetch(`${alertmanagerUrl}/api/v2/alerts`);
  return (await response.json()) as readonly HeldAlert[]; // adapter: Alertmanager's HTTP API
}
