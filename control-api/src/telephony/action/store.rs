//! What a query of rules or of a menu's keys selects to know where they lead.

/// What the rows `r` of a table lead to: columns and joins that [`super::Action::of`] reads. `led` is how people know it.
macro_rules! led_to {
    () => {
        "r.action, r.target_user_id, r.target_number, r.target_sound, r.priority, \
         coalesce(r.target_extension_id, q.extension_id, m.extension_id) as led_extension_id, \
         coalesce(r.target_number, r.target_sound, \
             (select n.number || ' ' || e.name from telephony.extensions e \
              join telephony.numbers n on n.org_id = e.org_id and n.extension_id = e.id \
              where e.org_id = r.org_id and e.id = coalesce(r.target_extension_id, q.extension_id, m.extension_id)), \
             (select concat_ws(' ', n.number, u.name) from identity.users u \
              left join telephony.numbers n on n.org_id = r.org_id and n.user_id = u.id \
              where u.id = r.target_user_id), '') as led"
    };
}
pub(in crate::telephony) use led_to;
