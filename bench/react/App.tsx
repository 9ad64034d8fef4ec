import { useState } from "react";
import { hapticFeedback } from "@telegram-apps/sdk-react";
import { Cell, List, Section } from "@telegram-apps/telegram-ui";
import sections from "./products.json";

export function App() {
  const [chosen, choose] = useState("");
  const open = (slug: string) => {
    if (hapticFeedback.impactOccurred.isAvailable()) hapticFeedback.impactOccurred("light");
    choose(slug);
  };
  return (
    <List data-chosen={chosen}>
      {sections.map(({ section, products }) => (
        <Section key={section} header={section}>
          {products.map(({ slug, title, description, picture, stars }) => (
            <Cell
              key={slug}
              className="product"
              before={<img src={`/pictures/${picture}`} width="80" height="45" alt="" loading="lazy" />}
              after={`⭐ ${stars}`}
              description={description}
              multiline
              onClick={() => open(slug)}
            >
              {title}
            </Cell>
          ))}
        </Section>
      ))}
    </List>
  );
}
