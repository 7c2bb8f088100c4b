-- PostgreSQL's image runs this once, when the database is empty. The application's role owns its database and has no other
-- rights. The superuser keeps no password, so that it can only log in inside the container.
\getenv password POSTGRES_PASSWORD
create role pennypost login password :'password';
create database pennypost owner pennypost;
alter role postgres password null;
