-- Record a file that was read.
insert into sources
select
    $name as name,
    $uri as uri,
    $sha256 as sha256,
    $rows as rows,
    $is_synthetic as is_synthetic,
    (current_timestamp at time zone 'UTC')::timestamp as loaded_at;
