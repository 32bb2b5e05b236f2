-- Store predictions that Python hands over as new_predictions, beside what is known.
insert into predictions
select
    $model_id as model_id,
    new.user_id,
    new.movie_id,
    titled.title,
    new.predicted_rating,
    known.rating as actual_rating,
    known.split,
from new_predictions as new
inner join known_titles as titled
    on new.movie_id = titled.movie_id
left join known_pairs as known
    on new.user_id = known.user_id and new.movie_id = known.movie_id
order by new.user_id, new.movie_id;
