-- Users in the order of their index.
select user_id
from active_users
order by user_index;
