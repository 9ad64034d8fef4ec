// The sandbox's control API, one function per question.

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem?.error ?? problem?.description ?? `The sandbox answered ${status}.`);
    this.status = status;
    this.problem = problem ?? {};
  }
}

async function call(method, path, body) {
  const request = { method, headers: {} };
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  const response = await fetch(`/sandbox/${path}`, request);
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, answer);
  return answer;
}

const id = encodeURIComponent;

export const state = () => call("GET", "state");
export const reset = () => call("POST", "reset", {});

export const addPerson = (profile) => call("POST", "people", profile);
export const changePerson = (person, change) => call("PATCH", `people/${id(person)}`, change);
export const topUp = (person, stars) => call("POST", `people/${id(person)}/top-up`, { stars });
export const chat = (person) => call("GET", `people/${id(person)}/chat`);
export const write = (person, text, more) =>
  call("POST", `people/${id(person)}/messages`, { text, ...more });
export const sendFile = (person, kind, file) => call("POST", `people/${id(person)}/${kind}`, file);
export const shareContact = (person) => call("POST", `people/${id(person)}/contacts`, {});
export const shareLocation = (person, place) => call("POST", `people/${id(person)}/locations`, place);
export const prepared = (person, message) => call("GET", `people/${id(person)}/prepared/${id(message)}`);
export const launch = (person, options) => call("POST", `people/${id(person)}/launch`, options);
export const press = (person, message_id, data) =>
  call("POST", `people/${id(person)}/callback`, { message_id, data });

export const invoice = (slug) => call("GET", `invoices/${id(slug)}`);
export const pay = (slug, person) => call("POST", `invoices/${id(slug)}/pay`, { person });
export const refund = (charge) => call("POST", `charges/${id(charge)}/refund`, {});
export const chargeBack = (charge, how) => call("POST", `charges/${id(charge)}/chargeback`, how);
export const tellAgain = (charge) => call("POST", `charges/${id(charge)}/tell`, {});
export const invoices = () => call("GET", "invoices");
export const charge = (facts) => call("POST", "charges", facts);

/** What may become of a subscription: renew, fail, cancel or resume. */
export const changeSubscription = (subscription, verb) =>
  call("POST", `subscriptions/${id(subscription)}/${verb}`, {});

export const makeTrouble = (troubles) => call("PUT", "troubles", troubles);
export const jump = (jump) => call("POST", "clock", jump);
export const statement = () => call("GET", "statement");
export const inject = (update) => call("POST", "updates", update);
export const book = (row) => call("POST", "statement", row);
export const deliverAgain = (update) => call("POST", `updates/${id(update)}/again`, {});

/** Follow what happens in the sandbox; the browser reconnects by itself. */
export function follow(since, onEvent, onConnection) {
  const source = new EventSource(`/sandbox/events?since=${since}`);
  source.onopen = () => onConnection(true);
  source.onerror = () => onConnection(false);
  source.onmessage = (message) => onEvent(JSON.parse(message.data));
  return source;
}
