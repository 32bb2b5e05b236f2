-- Store predictions that Python hands over as new_predictions, beside what is known.
insert into predictions
select
    $model_id as model_id,
    new.user_id,
    new.movie_id,
    titled.title,
    new.predicted_rating,
    greatest(
        new.predicted_rating - intervals.radius, intervals.lowest_rating
    ) as lower,
    least(
        new.predicted_rating + intervals.radius, intervals.highest_rating
    ) as upper,
    known.rating as actual_rating,
    known.split,
from new_predictions as new
inner join known_titles as titled
    on new.movie_id = titled.movie_id
inner join known_intervals as intervals
    on new.user_id = intervals.user_id
left join known_pairs as known
    on new.user_id = known.user_id and new.movie_id = known.movie_id
order by new.user_id, new.movie_id;
