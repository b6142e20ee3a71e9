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
const Phone = lazy(() => import("./features/telephony/page"));

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
        <Route path="/phone" component={Phone} />
        <Route component={Nowhere} />
      </Switch>
    </Suspense>
  );
}
