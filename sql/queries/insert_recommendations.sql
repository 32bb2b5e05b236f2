-- Store recommendations that Python hands over as new_recommendations.
insert into recommendations
select
    $model_id as model_id,
    new.user_id,
    $method as method,
    new.rank,
    new.movie_id,
    titled.title,
    if(isnan(new.similarity), null, new.similarity) as similarity,
    new.predicted_rating,
    new.is_confirmed,
from new_recommendations as new
inner join known_titles as titled
    on new.movie_id = titled.movie_id
order by new.user_id, new.rank;
