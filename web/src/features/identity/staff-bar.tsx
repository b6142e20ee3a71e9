import { Link, useRoute } from "wouter";
import { useWords } from "../../i18n";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { type Me, signOut } from "./signed-in";

/** In the head of pages for who has signed in: the other page there is, and the way out. */
export function StaffBar({ me }: { readonly me: Me }) {
  const { settings: said, signIn } = useWords();
  const [isSettings] = useRoute("/settings");
  const name = me.person.name ?? me.person.email ?? "";
  return (
    <>
      <Link
        href={isSettings ? "/phone" : "/settings"}
        className="flex min-h-12 items-center gap-2 rounded-full px-3 font-semibold text-muted transition-colors hover:bg-brand-soft hover:text-ink"
      >
        <Icon name={isSettings ? "phone" : "visitor"} />
        {isSettings ? (
          <span className="sr-only sm:not-sr-only">{said.phone}</span>
        ) : (
          <>
            <span aria-hidden="true" className="hidden max-w-52 truncate sm:block">
              {name}
            </span>
            <span className="sr-only">{said.title}</span>
          </>
        )}
      </Link>
      <Button kind="quiet" className="px-3 sm:px-4" onClick={() => void signOut()}>
        {signIn.out}
      </Button>
    </>
  );
}
