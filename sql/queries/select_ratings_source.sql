-- Where the ratings came from.
select
    uri,
    rows,
    is_synthetic,
from sources
where name = 'ratings';
