-- The files that were loaded.
select
    name,
    uri,
    sha256,
    rows,
    is_synthetic,
    loaded_at,
from sources
order by name desc;
