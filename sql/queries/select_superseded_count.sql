-- Ratings that a later one of the same user and movie replaced.
select count(*) as superseded_count
from superseded_ratings;
