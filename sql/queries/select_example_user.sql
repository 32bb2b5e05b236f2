-- The user with most test ratings: the one whose examples say most.
select
    user_id,
    count(*) as rating_count,
from predictions
where split = 'test'
group by user_id
order by rating_count desc, user_id
limit 1;
