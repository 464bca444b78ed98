-- What all nodes must have alike before there is a workspace: who came first is right.
CREATE TABLE agreements (
    name text COLLATE "C" PRIMARY KEY,
    text text NOT NULL
);
