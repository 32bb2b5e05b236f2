-- Features of the top movies, in a total order.
select
    top.movie_index::bigint as movie_index,
    described.feature,
    described.weight,
from movie_features as described
inner join top_movies as top
    on described.movie_id = top.movie_id
order by top.movie_index, described.feature;
