/** Which view stands at which address. `VIEWS` in `control-api/src/http/web.rs` names the same addresses. */
import { lazy, Suspense } from "react";
import { Route, Switch } from "wouter";
import { Home } from "./features/home";
import { SignIn } from "./features/identity/sign-in";
import { Nowhere } from "./features/nowhere";
import { useWords } from "./i18n";

// Who calls as a guest waits for nothing that staff need, and the other way round.
const Enter = lazy(() => import("./features/guest/enter"));
const Guest = lazy(() => import("./features/guest/page"));
const Returned = lazy(() => import("./features/returned"));
const Phone = lazy(() => import("./features/telephony/page"));
const Settings = lazy(() => import("./features/identity/settings"));
const Register = lazy(() => import("./features/identity/register"));
const Confirm = lazy(() => import("./features/identity/confirm"));
const Forgot = lazy(() => import("./features/identity/forgot"));
const Reset = lazy(() => import("./features/identity/reset"));
const Invitation = lazy(() => import("./features/identity/invitation"));

export function App() {
  const words = useWords();
  return (
    <Suspense
      fallback={
        <p role="status" className="grid min-h-dvh place-items-center text-muted">
          {words.app.loading}
        </p>
      }
    >
      <Switch>
        <Route path="/" component={Home} />
        <Route path="/guest" component={Enter} />
        <Route path="/g/:code">{({ code }) => <Guest key={code} code={code} />}</Route>
        <Route path="/sign-in" component={SignIn} />
        <Route path="/sign-in/google" component={Returned} />
        <Route path="/register" component={Register} />
        <Route path="/confirm" component={Confirm} />
        <Route path="/forgot-password" component={Forgot} />
        <Route path="/reset-password" component={Reset} />
        <Route path="/invitation" component={Invitation} />
        <Route path="/phone" component={Phone} />
        <Route path="/settings" component={Settings} />
        <Route component={Nowhere} />
      </Switch>
    </Suspense>
  );
}
