-- rating_scale: the bounds of the ratings, read from the data.
-- Grain: exactly one row.
-- Reads: ratings.
-- Why: 0.5 to 5, 1 to 5, 1 to 10: the network's output is kept inside these bounds.

create or replace view rating_scale as
select
    min(rating) as lowest_rating,
    max(rating) as highest_rating,
from ratings;

comment on view rating_scale is
'Lowest and highest rating in the data. One row.';
comment on column rating_scale.lowest_rating is
'Lowest rating that anybody gave (stars).';
comment on column rating_scale.highest_rating is
'Highest rating that anybody gave (stars).';
